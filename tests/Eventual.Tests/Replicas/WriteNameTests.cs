using KvRaft.Eventual.Replicas;

namespace KvRaft.Eventual.Tests.Replicas;

public class WriteNameTests
{
    /// <summary>Ids are stored in siblings and compared by nodes of all versions: these numbers may never change.</summary>
    [Fact]
    public void The_id_of_a_write_is_the_same_on_every_node()
    {
        var id = WriteName.Of("0123456789abcdef"u8, 7, "value"u8, "context"u8, 30_000);

        Assert.Equal("b5c9aa9d3ebd67700edfbee37b274ca1", id.ToString("x32", System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Every_part_counts_and_only_client_and_number_are_the_identity()
    {
        var first = WriteName.Of("client"u8, 7, "value"u8, "context"u8, 1);
        UInt128[] sameIdentity = [WriteName.Of("client"u8, 7, "valuf"u8, "context"u8, 1), WriteName.Of("client"u8, 7, "value"u8, "contexu"u8, 1), WriteName.Of("client"u8, 7, "value"u8, "context"u8, 2)];
        UInt128[] others = [WriteName.Of("client"u8, 8, "value"u8, "context"u8, 1), WriteName.Of("cliens"u8, 7, "value"u8, "context"u8, 1)];

        Assert.Equal(first, WriteName.Of("client"u8, 7, "value"u8, "context"u8, 1));
        Assert.Equal(6, sameIdentity.Concat(others).Append(first).Distinct().Count());
        Assert.All(sameIdentity, id => Assert.True(WriteName.HaveOneIdentity(first, id)));
        Assert.All(others, id => Assert.False(WriteName.HaveOneIdentity(first, id)));
        Assert.False(WriteName.HaveOneIdentity(WriteName.None, WriteName.None));
    }
}
