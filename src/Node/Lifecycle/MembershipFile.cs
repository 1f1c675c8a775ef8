using System.Globalization;
using KvRaft.Node.Options;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// The membership record of a data directory: the instance that was created with it, by which the cluster distinguishes it from one that was wiped; and,
/// if the node joined, the facts it received then. Written durably and as a whole.
/// <code>
///  kvraft-membership 2              the format of this file
///  instance 0192…                   one "name value" per line, in this order
///  shard-count 64                   from here on only if it joined
///  replication-factor 3
///  voter n1 1 10.0.0.1:7500 10.0.0.1:7400     node, incarnation, replicas, services; of group 0 when it joined
///  crc32c 9a8b7c6d                  of all lines before (<see cref="SealedText"/>)
/// </code>
/// </summary>
internal sealed record MembershipFile(Guid Instance)
{
    public const string FileName = "MEMBERSHIP";

    private const string Header = "kvraft-membership 2";

    /// <summary>The format before this one, which had no checksum.</summary>
    private const string HeaderUnsealed = "kvraft-membership 1";

    /// <summary>Null: it did not join, or has not received the facts yet.</summary>
    public JoinedCluster? Joined { get; init; }

    /// <summary>The content of a directory; null if there is none.</summary>
    /// <exception cref="NodeStartException">The file is damaged or cannot be read.</exception>
    public static MembershipFile? Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (OwnFiles.Text(path) is not { } text)
        {
            return null;
        }

        return Parse(text) ?? throw new NodeStartException(
            StartFault.DamagedData,
            text.StartsWith(HeaderUnsealed + "\n", StringComparison.Ordinal)
                ? $"{path} has format 1, and this version reads format 2; start the version that wrote it, or start with an empty data directory under a new node id"
                : $"{path} is damaged, and the cluster recognises this node only by its content; restore the file, or start with an empty data directory under a new node id");
    }

    /// <exception cref="NodeStartException">The file cannot be written.</exception>
    public void WriteTo(string directory) => OwnFiles.Write(Path.Combine(directory, FileName), Format());

    internal string Format()
    {
        var lines = new List<string> { Header, $"instance {Instance:D}" };
        if (Joined is { } joined)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"shard-count {joined.ShardCount}"));
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"replication-factor {joined.ReplicationFactor}"));
            lines.AddRange(joined.Voters.Select(static voter =>
                string.Create(CultureInfo.InvariantCulture, $"voter {voter.Id} {voter.Incarnation} {voter.Raft} {voter.Public}")));
        }

        return SealedText.Seal(string.Concat(lines.Select(static line => line + "\n")));
    }

    /// <summary>Null: damaged, or of another format.</summary>
    internal static MembershipFile? Parse(string text)
    {
        if (SealedText.TryOpen(text)?.Split('\n') is not [Header, var instance, .. var rest, ""] || !Guid.TryParseExact(Value(instance, "instance"), "D", out var drawn))
        {
            return null;
        }

        if (rest.Length == 0)
        {
            return new MembershipFile(drawn);
        }

        return rest is [var shards, var replicas, .. var voters]
            && int.TryParse(Value(shards, "shard-count"), NumberStyles.None, CultureInfo.InvariantCulture, out var shardCount)
            && int.TryParse(Value(replicas, "replication-factor"), NumberStyles.None, CultureInfo.InvariantCulture, out var factor)
            && voters.Select(ParseVoter).ToArray() is { Length: > 0 } parsed && Array.TrueForAll(parsed, static voter => voter is not null)
                ? new MembershipFile(drawn) { Joined = new JoinedCluster(shardCount, factor, [.. parsed.Select(static voter => voter!)]) }
                : null;
    }

    private static KnownVoter? ParseVoter(string line) =>
        line.Split(' ') is ["voter", var id, var incarnation, var raft, var services]
        && NodeId.IsValid(id) && int.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && HostAndPort.TryParse(raft, out var raftAddress) && HostAndPort.TryParse(services, out var publicAddress)
            ? new KnownVoter(new NodeId(id), number, raftAddress, publicAddress)
            : null;

    private static string Value(string line, string name) => line.StartsWith(name + " ", StringComparison.Ordinal) ? line[(name.Length + 1)..] : "";
}

/// <summary>The facts that a node received when it joined.</summary>
/// <param name="ShardCount">Of the cluster.</param>
/// <param name="ReplicationFactor">Of the cluster.</param>
/// <param name="Voters">The voters of group 0 at that time, to call first. They return the present ones.</param>
internal sealed record JoinedCluster(int ShardCount, int ReplicationFactor, IReadOnlyList<KnownVoter> Voters)
{
    public bool Equals(JoinedCluster? other) =>
        other is not null && ShardCount == other.ShardCount && ReplicationFactor == other.ReplicationFactor && Voters.SequenceEqual(other.Voters);

    public override int GetHashCode() => ShardCount;
}

/// <summary>A voter of group 0, and its addresses at that time.</summary>
internal sealed record KnownVoter(NodeId Id, int Incarnation, HostAndPort Raft, HostAndPort Public)
{
    public GroupVoter ToVoter() => new(Id, Incarnation);
}
