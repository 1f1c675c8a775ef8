namespace KvRaft.Topology.Tests;

public class NamesTests
{
    [Theory]
    [InlineData("default", true)]
    [InlineData("a", true)]
    [InlineData("orders.eu-1_b", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("1a", false)]
    [InlineData("-a", false)]
    [InlineData("Orders", false)]
    [InlineData("or ders", false)]
    [InlineData("größe", false)]
    public void Keyspace_names_are_lower_case_words(string? name, bool valid) => Assert.Equal(valid, KeyspaceName.IsValid(name));

    [Fact]
    public void A_keyspace_name_has_at_most_63_characters()
    {
        Assert.True(KeyspaceName.IsValid(new string('a', 63)));
        Assert.False(KeyspaceName.IsValid(new string('a', 64)));
    }

    [Theory]
    [InlineData("n1", true)]
    [InlineData("rack-7-node-2", true)]
    [InlineData("N1", false)]
    [InlineData("-n1", false)]
    [InlineData("n1-", false)]
    [InlineData("n_1", false)]
    [InlineData("", false)]
    public void Node_ids_are_lower_case_DNS_labels(string id, bool valid) => Assert.Equal(valid, NodeId.IsValid(id));

    [Theory]
    [InlineData("", true)]
    [InlineData("eu-west-1a", true)]
    [InlineData("Keller 2, Gestell \u00f6", true)]
    [InlineData("\u6a5f\u623f", true)]
    [InlineData("\0\n", false)]
    [InlineData("a\u2028b", false)]
    [InlineData("a\u202eb", false)]
    [InlineData("a\u200bb", false)]
    [InlineData("a\u00a0b", false)]
    [InlineData("a\ud800", false)]
    [InlineData(" a", false)]
    [InlineData("a ", false)]
    public void Zones_and_addresses_are_printable(string text, bool valid) => Assert.Equal(valid, PrintableText.Mistake(text, NodeDescriptor.ZoneLengthMax) is null);

    [Fact]
    public void A_zone_has_at_most_63_characters()
    {
        Assert.Null(PrintableText.Mistake(new string('a', 63), NodeDescriptor.ZoneLengthMax));
        Assert.Equal("has more than 63 characters", PrintableText.Mistake(new string('\n', 64), NodeDescriptor.ZoneLengthMax));
    }
}
