namespace KvRaft.Client.Tests.Options;

public sealed class ConnectionStringTests
{
    [Fact]
    public void Reads_nodes_keyspace_and_settings()
    {
        var options = KvClientOptions.Parse(
            "kvraft://10.0.0.1:7402,db.example.org,[::1]:7403/orders?timeout=5s&attempt=250ms&transport=unary&routing=endpoints&pipes=2&tls=true&name=shop");

        Assert.Equal(["10.0.0.1:7402", "db.example.org:7401", "[::1]:7403"], options.Endpoints);
        Assert.Equal("orders", options.Keyspace);
        Assert.Equal(TimeSpan.FromSeconds(5), options.Timeout);
        Assert.Equal(TimeSpan.FromMilliseconds(250), options.AttemptTimeout);
        Assert.Equal(KvTransport.Unary, options.Transport);
        Assert.Equal(KvRouting.Endpoints, options.Routing);
        Assert.Equal(2, options.PipesPerNode);
        Assert.True(options.Tls);
        Assert.Equal("shop", options.Name);
    }

    [Fact]
    public void Omitted_settings_have_their_defaults()
    {
        var options = KvClientOptions.Parse("kvraft://localhost");

        Assert.Equal(["localhost:7401"], options.Endpoints);
        Assert.Equal("default", options.Keyspace);
        Assert.Equal(TimeSpan.FromSeconds(2), options.Timeout);
        Assert.Equal(KvTransport.Pipe, options.Transport);
    }

    [Fact]
    public void Reports_all_faults_at_once()
    {
        var fault = Assert.Throws<FormatException>(() =>
            KvClientOptions.Parse("kvraft://a:99999,b:7401/x?timeout=soon&colour=red&pipes=many&tls=perhaps&name=a&name=b"));

        foreach (var part in new[] { "'a:99999'", "'timeout=soon'", "'colour'", "'pipes=many'", "'tls=perhaps'", "'name' is given twice" })
        {
            Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("redis://localhost")]
    [InlineData("kvraft://")]
    [InlineData("kvraft:///orders")]
    [InlineData("kvraft://a b")]
    [InlineData("kvraft://a:0")]
    [InlineData("kvraft://a?pipes=17")]
    [InlineData("kvraft://a?timeout=0s")]
    [InlineData("kvraft://a?transport=7")]
    [InlineData("kvraft://a?transport=")]
    public void Refuses(string text)
    {
        Assert.Throws<FormatException>(() => KvClientOptions.Parse(text));
    }

    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("1.5s", 1500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1d", 86_400_000)]
    public void Durations_have_units(string text, int milliseconds)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1 s")]
    [InlineData("9999999999999999d")]
    [InlineData("")]
    public void Other_text_is_not_a_duration(string text)
    {
        Assert.False(DurationText.TryParse(text, out _));
    }

    [Fact]
    public void Options_with_several_faults_report_all_of_them()
    {
        var fault = Assert.Throws<ArgumentException>(() => new KvClient(new KvClientOptions { Timeout = TimeSpan.Zero, PipesPerNode = 0 }));

        Assert.Contains("Endpoints", fault.Message, StringComparison.Ordinal);
        Assert.Contains("Timeout", fault.Message, StringComparison.Ordinal);
        Assert.Contains("PipesPerNode", fault.Message, StringComparison.Ordinal);
    }
}
