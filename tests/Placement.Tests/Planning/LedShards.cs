using KvRaft.Placement.Planning;

namespace KvRaft.Placement.Tests.Planning;

/// <summary>Shards by number, with their leaders.</summary>
internal static class LedShards
{
    /// <summary>The shards after the transfers, each of which must have been possible.</summary>
    public static LedShard[] After(this LedShard[] shards, IEnumerable<LeaderTransfer> transfers)
    {
        var after = shards.ToArray();
        foreach (var transfer in transfers)
        {
            var shard = after[transfer.Shard.Value];
            Assert.Equal(shard.Leader, transfer.From);
            Assert.Contains(transfer.To, shard.Candidates);
            after[transfer.Shard.Value] = shard with { Leader = transfer.To };
        }

        return after;
    }
}
