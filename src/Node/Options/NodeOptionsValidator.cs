using System.Globalization;
using KvRaft.Eventual.Repair;
using KvRaft.Topology;

namespace KvRaft.Node.Options;

/// <summary>
/// The rules that typed options must meet, whatever their source. Pure; reports every mistake at once, so that one edit repairs a
/// configuration.
/// </summary>
internal static class NodeOptionsValidator
{
    public static IReadOnlyList<OptionMistake> Validate(NodeOptions options)
    {
        var mistakes = new List<OptionMistake>();
        Identity(options, mistakes);
        Nodes(options, mistakes);
        Shards(options, mistakes);
        Sizes(options.Limits, mistakes);
        Clocks(options.Timings, mistakes);
        Eventual(options, mistakes);

        // Below 1 MiB a segment's header, lock step and sync cost more than its content.
        Between("log.segmentBytes", options.Log.SegmentBytes, 1 << 20, 1 << 30, mistakes);
        Between("log.retainedBytesMax", options.Log.RetainedBytesMax, 2 * options.Log.BytesMax, 1L << 42, mistakes);
        Between("log.bytesMax", options.Log.BytesMax, (long)LogSizes.SegmentsMin * options.Log.SegmentBytes, 1L << 40, mistakes);
        return mistakes;
    }

    /// <exception cref="InvalidOptionsException">The options break a rule; the exception has all of them.</exception>
    public static NodeOptions Demand(NodeOptions options)
    {
        var mistakes = Validate(options);
        return mistakes.Count == 0 ? options : throw new InvalidOptionsException(mistakes);
    }

    private static void Identity(NodeOptions options, List<OptionMistake> mistakes)
    {
        if (options.ClusterId == Guid.Empty)
        {
            mistakes.Add(new("clusterId", options.ClusterId.ToString(), "a UUID other than the empty one"));
        }

        if (string.IsNullOrWhiteSpace(options.DataDirectory))
        {
            mistakes.Add(new("dataDirectory", options.DataDirectory, "the directory this node keeps its data in"));
        }

        // Port 0 lets the system choose: the tests use it, and two such listeners never collide.
        if (options.PublicListen.Port != 0 && options.PublicListen.Port == options.RaftListen.Port)
        {
            mistakes.Add(new("raftListen", options.RaftListen.ToString(), "a port other than that of publicListen"));
        }

        if (options.HttpListen is { Port: not 0 } http && (http.Port == options.PublicListen.Port || http.Port == options.RaftListen.Port))
        {
            mistakes.Add(new("httpListen", http.ToString(), "a port other than those of publicListen and raftListen"));
        }
    }

    private static void Nodes(NodeOptions options, List<OptionMistake> mistakes)
    {
        var nodes = options.Nodes;
        if (options.Join.Count > 0 && nodes.Count > 1)
        {
            mistakes.Add(new("nodes", Text(nodes.Count), "with 'join', only this node; the cluster sends the others"));
        }

        if (nodes.Count is 0 or > NodeOptions.InitialNodesMax)
        {
            mistakes.Add(new("nodes", Text(nodes.Count), $"1 to {NodeOptions.InitialNodesMax} nodes"));
        }

        if (nodes.All(node => node.Id != options.NodeId))
        {
            mistakes.Add(new("nodeId", options.NodeId.Value, "one of the ids in 'nodes'"));
        }

        Unique(nodes, node => node.Id.Value, "id", mistakes);
        Unique(nodes, node => node.Raft.ToString(), "raft", mistakes);
        Unique(nodes, node => node.Public.ToString(), "public", mistakes);
        for (var i = 0; i < nodes.Count; i++)
        {
            if (PrintableText.Mistake(nodes[i].Zone, NodeDescriptor.ZoneLengthMax) is not null)
            {
                mistakes.Add(new($"nodes[{i}].zone", nodes[i].Zone, $"at most {NodeDescriptor.ZoneLengthMax} printable characters, with no space at an end"));
            }

            if (!RingNode.IsValidWeight(nodes[i].Weight))
            {
                mistakes.Add(new($"nodes[{i}].weight", Text(nodes[i].Weight), string.Create(CultureInfo.InvariantCulture, $"from {RingNode.WeightMin} to {RingNode.WeightMax}")));
            }
        }
    }

    private static void Unique(
        IReadOnlyList<InitialNode> nodes, Func<InitialNode, string> part, string name, List<OptionMistake> mistakes)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < nodes.Count; i++)
        {
            if (!seen.TryAdd(part(nodes[i]), i))
            {
                mistakes.Add(new($"nodes[{i}].{name}", part(nodes[i]), $"different from nodes[{seen[part(nodes[i])]}].{name}"));
            }
        }
    }

    private static void Shards(NodeOptions options, List<OptionMistake> mistakes)
    {
        if (!ShardMap.IsValidShardCount(options.ShardCount))
        {
            mistakes.Add(new("shardCount", Text(options.ShardCount), $"a power of two from 1 to {ShardMap.ShardCountMax}"));
        }

        if (options.Join.Count > 0)
        {
            // The cluster has this value; the node reads it when it joins.
            return;
        }

        if (options.ReplicationFactor < 1 || options.ReplicationFactor > Math.Max(1, options.Nodes.Count))
        {
            mistakes.Add(new(
                "replicationFactor", Text(options.ReplicationFactor), $"1 to the number of nodes ({options.Nodes.Count})"));
        }
    }

    private static void Sizes(Limits limits, List<OptionMistake> mistakes)
    {
        Between("limits.keyBytesMax", limits.KeyBytesMax, 1, 64 * 1024, mistakes);
        Between("limits.valueBytesMax", limits.ValueBytesMax, 1, 16 * 1024 * 1024, mistakes);
        Between("limits.messageBytesMax", limits.MessageBytesMax, 64 * 1024, 64 * 1024 * 1024, mistakes);
        Between("limits.multiKeysMax", limits.MultiKeysMax, 1, 10_000, mistakes);
        Between("limits.txnOperationsMax", limits.TxnOperationsMax, 1, 10_000, mistakes);
        Between("limits.pipeOperationsPerMessageMax", limits.PipeOperationsPerMessageMax, 1, 65_536, mistakes);
        Between("limits.pipeInFlightMax", limits.PipeInFlightMax, 1, 1_000_000, mistakes);
        Between("limits.pipeInFlightBytesMax", limits.PipeInFlightBytesMax, limits.MessageBytesMax, 16L << 30, mistakes);
        Between("limits.streamsPerConnectionMax", limits.StreamsPerConnectionMax, 1, 100_000, mistakes);
        Between("limits.callsInProgressMax", limits.CallsInProgressMax, 16, 10_000_000, mistakes);
        DerivedOrBetween("limits.connectionsMax", limits.ConnectionsMax, 4, 1_000_000, mistakes);
        DerivedOrBetween("limits.connectionsPerAddressMax", limits.ConnectionsPerAddressMax, 1, 1_000_000, mistakes);
        DerivedOrBetween("limits.raftConnectionsMax", limits.RaftConnectionsMax, 16, 1_000_000, mistakes);
        Between("limits.scanChunkBytesMax", limits.ScanChunkBytesMax, 1024, limits.MessageBytesMax, mistakes);
        Between("limits.scanKeysMax", limits.ScanKeysMax, 1, 10_000_000, mistakes);
        Between("limits.requestsInHandMax", limits.RequestsInHandMax, 1, 10_000_000, mistakes);
        Between("limits.bytesInHandMax", limits.BytesInHandMax, limits.MessageBytesMax, 1L << 40, mistakes);
        Between("limits.bodyBytesInHandMax", limits.BodyBytesInHandMax, 4L * limits.MessageBytesMax, 1L << 40, mistakes);
        Between("limits.answerBytesInHandMax", limits.AnswerBytesInHandMax, 4L * limits.MessageBytesMax, 1L << 40, mistakes);
        Between("limits.answerStallMs", limits.AnswerStallMax, Limits.AnswerStallMin, TimeSpan.FromMinutes(10), mistakes);
        Between("limits.diskReserveBytes", limits.DiskReserveBytes, 0, long.MaxValue, mistakes);
        Between("limits.timeoutDefaultMs", limits.TimeoutDefault, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10), mistakes);
        Between("limits.timeoutMaxMs", limits.TimeoutMax, limits.TimeoutDefault, TimeSpan.FromMinutes(10), mistakes);
        if (limits.KeyBytesMax + (long)limits.ValueBytesMax > limits.MessageBytesMax - EnvelopeBytes)
        {
            mistakes.Add(new(
                "limits.messageBytesMax", Text(limits.MessageBytesMax),
                $"at least keyBytesMax + valueBytesMax + {EnvelopeBytes} for the message around them"));
        }
    }

    /// <summary>Header, session token and field tags around one key and value, with a margin.</summary>
    private const int EnvelopeBytes = 4096;

    private static void Clocks(NodeTimings timings, List<OptionMistake> mistakes)
    {
        // Below 100 ms the failure detector takes a garbage collection of another node for its death; above 10 s a dead leader blocks its shards.
        Between("timings.electionTimeoutMinMs", timings.ElectionTimeoutMin, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10), mistakes);
        if (timings.ElectionTimeoutMax < timings.ElectionTimeoutMin * 1.5)
        {
            mistakes.Add(new(
                "timings.electionTimeoutMaxMs", Text(timings.ElectionTimeoutMax),
                "at least one and a half times electionTimeoutMinMs, or replicas stand for election together"));
        }

        Between("timings.dueIntervalMs", timings.DueInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1), mistakes);
        Between("timings.diskCheckIntervalMs", timings.DiskCheckInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1), mistakes);
        Between("timings.nodeDownAfterMs", timings.NodeDownAfter, timings.ElectionTimeoutMin, TimeSpan.FromMinutes(10), mistakes);
        if (timings.NodeDeadAfter != TimeSpan.Zero)
        {
            Between("timings.nodeDeadAfterMs", timings.NodeDeadAfter, timings.NodeDownAfter, TimeSpan.FromDays(30), mistakes);
        }

        Between("timings.connectionIdleMs", timings.ConnectionIdle, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1), mistakes);
        Between("timings.stopGraceMs", timings.StopGrace, TimeSpan.Zero, TimeSpan.FromMinutes(5), mistakes);
    }

    private static void Eventual(NodeOptions options, List<OptionMistake> mistakes)
    {
        var eventual = options.Eventual;
        Between("eventual.siblingsMax", eventual.SiblingsMax, 1, 10_000, mistakes);
        Between("eventual.siblingBytesMax", eventual.SiblingBytesMax, options.Limits.ValueBytesMax, 32 * 1024 * 1024, mistakes);
        Between("eventual.hintBytesMax", eventual.HintBytesMax, 0, 16L << 30, mistakes);
        Between("eventual.hintAgeMaxMs", eventual.HintAgeMax, TimeSpan.Zero, TimeSpan.FromDays(30), mistakes);

        // Twice the longest time that a message of repair, the slowest that carries states, may take.
        Between("eventual.tombstoneAgeMinMs", eventual.TombstoneAgeMin, new RepairOptions().CallTimeout * 2, TimeSpan.FromDays(365), mistakes);
    }

    /// <summary>0: the node computes it.</summary>
    private static void DerivedOrBetween(string field, int value, int low, int high, List<OptionMistake> mistakes)
    {
        if (value != 0 && (value < low || value > high))
        {
            mistakes.Add(new(field, Text(value), $"from {low} to {high}, or 0: worked out from the descriptors the process may have"));
        }
    }

    private static void Between<T>(string field, T value, T low, T high, List<OptionMistake> mistakes)
        where T : IComparable<T>, IFormattable
    {
        if (value.CompareTo(low) < 0 || value.CompareTo(high) > 0)
        {
            mistakes.Add(new(field, Text(value), $"from {Text(low)} to {Text(high)}"));
        }
    }

    private static string Text<T>(T value)
        where T : IFormattable => value is TimeSpan span
            ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds}")
            : value.ToString(null, CultureInfo.InvariantCulture);
}
