using System.Text;
using System.Text.Json.Serialization;

namespace KvRaft.Client.Tests.Serialization;

public sealed record Order(string Customer, int Cents);

[JsonSerializable(typeof(Order))]
internal sealed partial class OrderJson : JsonSerializerContext;

public sealed class SerializerTests
{
    [Fact]
    public void Bytes_are_not_copied()
    {
        byte[] bytes = [1, 2, 3];

        var serialized = KvSerializers.Bytes.Serialize(bytes);

        Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(serialized, out var segment));
        Assert.Same(bytes, segment.Array);
    }

    [Fact]
    public void Text_is_utf8_without_a_mark()
    {
        Assert.Equal("73c3bcc39f", Convert.ToHexStringLower(KvSerializers.Utf8.Serialize("süß").Span));
        Assert.Equal("süß", KvSerializers.Utf8.Deserialize(Encoding.UTF8.GetBytes("süß")));
    }

    [Fact]
    public void Text_without_an_exact_encoding_is_refused()
    {
        Assert.Throws<EncoderFallbackException>(() => KvSerializers.Utf8.Serialize("\ud800"));
        Assert.Throws<DecoderFallbackException>(() => KvSerializers.Utf8.Deserialize(new byte[] { 0xff }));
    }

    [Fact]
    public void Json_uses_the_generated_metadata()
    {
        var serializer = KvSerializers.Json(OrderJson.Default.Order);

        var bytes = serializer.Serialize(new Order("ada", 1250));

        Assert.Equal("{\"Customer\":\"ada\",\"Cents\":1250}", Encoding.UTF8.GetString(bytes.Span));
        Assert.Equal(new Order("ada", 1250), serializer.Deserialize(bytes));
    }
}
