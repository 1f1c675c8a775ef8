using System.Net;
using System.Security.Cryptography;
using System.Text;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Node.Options;

/// <summary>
/// Turns merged text settings (file, then environment, then flags; the later one wins) into <see cref="NodeOptions"/>. Text that
/// cannot be parsed and rules that are broken are reported together.
/// </summary>
internal static class NodeOptionsReader
{
    /// <exception cref="InvalidOptionsException">A setting is missing or wrong; the exception has every mistake.</exception>
    public static NodeOptions Read(IConfiguration source)
    {
        var reader = new SettingsReader(source);
        UnknownSettings(source, reader);
        var nodes = Nodes(source, reader);
        var id = Id(reader);
        var self = nodes.FirstOrDefault(node => node.Id == id);
        var (clusterId, clusterName) = Cluster(reader);
        var options = new NodeOptions
        {
            ClusterId = clusterId,
            ClusterName = clusterName,
            NodeId = id ?? default,
            DataDirectory = Required(reader, "dataDirectory", "the directory this node keeps its data in"),
            PublicListen = Listen(reader, "publicListen", self?.Public),
            HttpListen = OptionalListen(reader, "httpListen"),
            AllowedHosts = AllowedHosts(reader),
            RaftListen = Listen(reader, "raftListen", self?.Raft),
            Nodes = nodes,
            Join = Seeds(reader),
            ClusterSecretFile = reader.Text("clusterSecretFile"),
            IsClusterSecretRequired = reader.Truth("clusterSecretRequired", missing: true),
            ShardCount = reader.Whole("shardCount", NodeOptions.ShardCountDefault),
            ReplicationFactor = reader.Whole(
                "replicationFactor", Math.Clamp(nodes.Count, 1, NodeOptions.ReplicationFactorDefault)),
            Limits = ReadLimits(reader),
            Timings = ReadTimings(reader),
            Log = ReadLog(reader),
            Eventual = ReadEventual(reader),
        };
        var mistakes = Together(reader.Mistakes, NodeOptionsValidator.Validate(options));
        return mistakes.Count == 0 ? options : throw new InvalidOptionsException(mistakes);
    }

    /// <summary>A field that could not be read has its default in the options; a rule that the default breaks is not reported.</summary>
    private static List<OptionMistake> Together(IReadOnlyList<OptionMistake> read, IReadOnlyList<OptionMistake> rules)
    {
        var unread = read.Select(mistake => mistake.Field).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. read, .. rules.Where(rule => !unread.Contains(rule.Field))];
    }

    private static (Guid Id, string Name) Cluster(SettingsReader reader)
    {
        var name = reader.Text("clusterName");
        var id = reader.Parse<Guid?>("clusterId", null, "a UUID", (string text, out Guid? value) =>
        {
            var parsed = Guid.TryParse(text, out var guid);
            value = guid;
            return parsed;
        });
        if (id is null && name is null && reader.Text("clusterId") is null)
        {
            reader.Add("clusterName", null, "give clusterName, or clusterId if it was fixed elsewhere");
        }

        return (id ?? IdOfName(name ?? "?"), name ?? id?.ToString() ?? "?");
    }

    /// <summary>
    /// The identity of a cluster that has only a name: the same on every node with the same name. A UUID of
    /// version 8 (RFC 9562, section 5.8) over SHA-256.
    /// </summary>
    internal static Guid IdOfName(string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes("kvraft cluster " + name), hash);
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    private static NodeId? Id(SettingsReader reader)
    {
        if (reader.Text("nodeId") is null)
        {
            reader.Add("nodeId", null, IdAllowed);
            return null;
        }

        return reader.Parse<NodeId?>("nodeId", null, IdAllowed, ParseId);
    }

    private static readonly string IdAllowed = $"1 to {NodeId.LengthMax} lower-case letters, digits and inner hyphens";

    private static bool ParseId(string text, out NodeId? id)
    {
        id = NodeId.IsValid(text) ? new NodeId(text) : null;
        return id is not null;
    }

    private static string Required(SettingsReader reader, string path, string allowed)
    {
        if (reader.Text(path) is { } text)
        {
            return text;
        }

        reader.Add(path, null, allowed);
        return "";
    }

    /// <summary>
    /// The address to listen on: the one in the setting, or the one that the other nodes use, if it is an address of this machine, or that port on
    /// every interface. A node without an entry in the list is a mistake reported elsewhere.
    /// </summary>
    private static IPEndPoint Listen(SettingsReader reader, string path, HostAndPort? advertised) =>
        OptionalListen(reader, path)
        ?? (advertised is { } known && known.TryToListen(out var own) ? own : new IPEndPoint(IPAddress.Any, advertised?.Port ?? 0));

    /// <summary>The address to listen on in the setting; null if the setting is absent, or wrong, which is recorded.</summary>
    private static IPEndPoint? OptionalListen(SettingsReader reader, string path)
    {
        if (reader.Address(path, required: false) is not { } address)
        {
            return null;
        }

        if (address.TryToListen(out var endPoint))
        {
            return endPoint;
        }

        reader.Add(path, address.ToString(), "an IP address of this machine (0.0.0.0 for all) and a port");
        return null;
    }

    /// <summary>Addresses with commas between them.</summary>
    private static IReadOnlyList<HostAndPort> Seeds(SettingsReader reader) => reader.Parse<IReadOnlyList<HostAndPort>>(
        "join", [], "host:port of nodes of the cluster, with commas between them", (string text, out IReadOnlyList<HostAndPort> value) =>
        {
            var seeds = new List<HostAndPort>();
            value = seeds;
            foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!HostAndPort.TryParse(part, out var seed))
                {
                    return false;
                }

                seeds.Add(seed);
            }

            return seeds.Count > 0;
        });

    /// <summary>Names with commas between them.</summary>
    private static IReadOnlyList<string> AllowedHosts(SettingsReader reader) => reader.Parse<IReadOnlyList<string>>(
        "allowedHosts", [], "host names without ports, with commas between them", (string text, out IReadOnlyList<string> value) =>
        {
            value = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return value.Count > 0 && value.All(static name => Uri.CheckHostName(name) != UriHostNameType.Unknown);
        });

    private static List<InitialNode> Nodes(IConfiguration source, SettingsReader reader)
    {
        var sections = source.GetSection("nodes").GetChildren().ToArray();
        if (sections.Length == 0)
        {
            reader.Add("nodes", null, "list the nodes the cluster starts with: id, raft, public, zone, weight");
        }

        var nodes = new List<InitialNode>(sections.Length);
        foreach (var section in sections)
        {
            var path = section.Path;
            var raft = reader.Address(path + ":raft", required: true);
            var @public = reader.Address(path + ":public", required: true);
            var id = reader.Parse<NodeId?>(path + ":id", null, IdAllowed, ParseId);
            if (reader.Text(path + ":id") is null)
            {
                reader.Add(path + ":id", null, IdAllowed);
            }

            // A node with an unreadable part still counts, so that "nodeId is not in the list" is not reported on top.
            var stand = new HostAndPort(path, 1);
            nodes.Add(new InitialNode(
                id ?? default, raft ?? stand, @public ?? stand, reader.Text(path + ":zone") ?? "", reader.Number(path + ":weight", 1)));
        }

        return nodes;
    }

    private static Limits ReadLimits(SettingsReader reader)
    {
        var usual = new Limits();
        return new Limits
        {
            KeyBytesMax = reader.Whole("limits:keyBytesMax", usual.KeyBytesMax),
            ValueBytesMax = reader.Whole("limits:valueBytesMax", usual.ValueBytesMax),
            MessageBytesMax = reader.Whole("limits:messageBytesMax", usual.MessageBytesMax),
            MultiKeysMax = reader.Whole("limits:multiKeysMax", usual.MultiKeysMax),
            TxnOperationsMax = reader.Whole("limits:txnOperationsMax", usual.TxnOperationsMax),
            PipeOperationsPerMessageMax = reader.Whole("limits:pipeOperationsPerMessageMax", usual.PipeOperationsPerMessageMax),
            PipeInFlightMax = reader.Whole("limits:pipeInFlightMax", usual.PipeInFlightMax),
            PipeInFlightBytesMax = reader.WholeLong("limits:pipeInFlightBytesMax", usual.PipeInFlightBytesMax),
            StreamsPerConnectionMax = reader.Whole("limits:streamsPerConnectionMax", usual.StreamsPerConnectionMax),
            CallsInProgressMax = reader.Whole("limits:callsInProgressMax", usual.CallsInProgressMax),
            ConnectionsMax = reader.Whole("limits:connectionsMax", usual.ConnectionsMax),
            ConnectionsPerAddressMax = reader.Whole("limits:connectionsPerAddressMax", usual.ConnectionsPerAddressMax),
            RaftConnectionsMax = reader.Whole("limits:raftConnectionsMax", usual.RaftConnectionsMax),
            ScanChunkBytesMax = reader.Whole("limits:scanChunkBytesMax", usual.ScanChunkBytesMax),
            ScanKeysMax = reader.Whole("limits:scanKeysMax", usual.ScanKeysMax),
            RequestsInHandMax = reader.Whole("limits:requestsInHandMax", usual.RequestsInHandMax),
            BytesInHandMax = reader.WholeLong("limits:bytesInHandMax", usual.BytesInHandMax),
            BodyBytesInHandMax = reader.WholeLong("limits:bodyBytesInHandMax", usual.BodyBytesInHandMax),
            AnswerBytesInHandMax = reader.WholeLong("limits:answerBytesInHandMax", usual.AnswerBytesInHandMax),
            AnswerStallMax = reader.Milliseconds("limits:answerStallMs", usual.AnswerStallMax),
            DiskReserveBytes = reader.WholeLong("limits:diskReserveBytes", usual.DiskReserveBytes),
            TimeoutDefault = reader.Milliseconds("limits:timeoutDefaultMs", usual.TimeoutDefault),
            TimeoutMax = reader.Milliseconds("limits:timeoutMaxMs", usual.TimeoutMax),
        };
    }

    private static NodeTimings ReadTimings(SettingsReader reader)
    {
        var usual = new NodeTimings();
        return new NodeTimings
        {
            ElectionTimeoutMin = reader.Milliseconds("timings:electionTimeoutMinMs", usual.ElectionTimeoutMin),
            ElectionTimeoutMax = reader.Milliseconds("timings:electionTimeoutMaxMs", usual.ElectionTimeoutMax),
            DueInterval = reader.Milliseconds("timings:dueIntervalMs", usual.DueInterval),
            DiskCheckInterval = reader.Milliseconds("timings:diskCheckIntervalMs", usual.DiskCheckInterval),
            NodeDownAfter = reader.Milliseconds("timings:nodeDownAfterMs", usual.NodeDownAfter),
            NodeDeadAfter = reader.Milliseconds("timings:nodeDeadAfterMs", usual.NodeDeadAfter),
            ConnectionIdle = reader.Milliseconds("timings:connectionIdleMs", usual.ConnectionIdle),
            StopGrace = reader.Milliseconds("timings:stopGraceMs", usual.StopGrace),
        };
    }

    private static EventualLimits ReadEventual(SettingsReader reader)
    {
        var usual = new EventualLimits();
        return usual with
        {
            SiblingsMax = reader.Whole("eventual:siblingsMax", usual.SiblingsMax),
            SiblingBytesMax = reader.Whole("eventual:siblingBytesMax", usual.SiblingBytesMax),
            HintBytesMax = reader.WholeLong("eventual:hintBytesMax", usual.HintBytesMax),
            HintAgeMax = reader.Milliseconds("eventual:hintAgeMaxMs", usual.HintAgeMax),
            TombstoneAgeMin = reader.Milliseconds("eventual:tombstoneAgeMinMs", usual.TombstoneAgeMin),
        };
    }

    private static LogSizes ReadLog(SettingsReader reader)
    {
        var usual = new LogSizes();
        var bytesMax = reader.WholeLong("log:bytesMax", usual.BytesMax);
        return new LogSizes
        {
            SegmentBytes = reader.Whole("log:segmentBytes", usual.SegmentBytes),
            BytesMax = bytesMax,
            RetainedBytesMax = reader.WholeLong("log:retainedBytesMax", Math.Max(usual.RetainedBytesMax, 4 * bytesMax)),
        };
    }

    /// <summary>A setting that no code reads is a typo that would have no effect and no message.</summary>
    private static void UnknownSettings(IConfiguration source, SettingsReader reader)
    {
        foreach (var (path, value) in source.AsEnumerable())
        {
            if (value is not null && !SettingNames.IsKnown(path))
            {
                reader.Add(path, value, $"there is no such setting; similar settings are {SettingNames.Near(path)}");
            }
        }
    }
}
