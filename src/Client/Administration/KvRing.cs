using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>The consistent-hash ring that places shards on nodes.</summary>
/// <param name="Nodes">Nodes with a share, by name.</param>
/// <param name="Shards">By number.</param>
/// <param name="EarliestEpoch">The first epoch that a comparison can begin with.</param>
public sealed record KvRing(
    long Epoch, int ShardCount, int ReplicationFactor, IReadOnlyList<KvRingNode> Nodes, IReadOnlyList<KvRingShard> Shards, long EarliestEpoch)
{
    internal static KvRing From(RingInfo ring) => new(
        ring.Epoch, ring.ShardCount, ring.ReplicationFactor,
        [.. ring.Nodes.Select(static node => new KvRingNode(
            node.NodeId, node.Zone, node.Weight, node.VirtualNodes, node.Share, node.Owns, node.Shards, node.FairShards, node.Leaders, node.FairLeaders))],
        [.. ring.Shards.Select(static shard => new KvRingShard(
            shard.Shard, shard.FirstToken, shard.LastToken, [.. shard.Nodes], WireValues.TextOrNull(shard.Leader)))],
        ring.EarliestEpoch);
}

/// <summary>A node on the ring.</summary>
/// <param name="Share">Its share by weight, 0 to 1.</param>
/// <param name="Owns">Its share by the token ranges of its virtual nodes, 0 to 1.</param>
/// <param name="FairShards">Replicas that its weight asks for.</param>
public sealed record KvRingNode(
    string Name, string Zone, double Weight, int VirtualNodes, double Share, double Owns, int Shards, double FairShards, int Leaders, double FairLeaders);

/// <summary>The token range of a shard, both ends included, and the nodes with its replicas.</summary>
public sealed record KvRingShard(int Shard, ulong FirstToken, ulong LastToken, IReadOnlyList<string> Nodes, string? Leader);

/// <summary>What changed on the ring between two epochs.</summary>
/// <param name="ToEpoch">null: the staged plan.</param>
/// <param name="Moves">In their order.</param>
/// <param name="Shares">Shards of each node at both ends, where they differ.</param>
public sealed record KvRingDiff(long FromEpoch, long? ToEpoch, IReadOnlyList<KvRingMove> Moves, IReadOnlyList<KvNodeShare> Shares)
{
    internal static KvRingDiff From(RingDiff diff) => new(
        diff.FromEpoch, diff.ToEpoch == 0 ? null : diff.ToEpoch,
        [.. diff.Moves.Select(static move => new KvRingMove(move.Shard, move.FromNode, move.ToNode, move.Epoch == 0 ? null : move.Epoch, move.Cause))],
        [.. diff.Shares.Select(static share => new KvNodeShare(share.NodeId, share.Before, share.After))]);
}

/// <summary>A move between two epochs.</summary>
/// <param name="Epoch">The epoch that holds it; null: it is planned.</param>
public sealed record KvRingMove(int Shard, string FromNode, string ToNode, long? Epoch, string Cause);
