using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.State;

/// <summary>A simple model of group 0: a dictionary of keyspaces and one of addresses.</summary>
internal sealed class PlacementModel
{
    private InitCluster? _founding;
    private uint _nextId = 2;

    public List<KeyspaceDescriptor> Keyspaces { get; } = [];

    public Dictionary<string, string> Addresses { get; } = [];

    /// <summary>By shard and node: the incarnation in the map.</summary>
    public Dictionary<(int Shard, string Node), int> Replicas { get; } = [];

    /// <summary>By shard.</summary>
    public Dictionary<int, (string From, string To, int Incarnation, bool Cancelling)> Moves { get; } = [];

    // By shard and node: the highest incarnation used so far.
    private readonly Dictionary<(int Shard, string Node), int> _given = [];

    public string Apply(PlacementCommand command) => command switch
    {
        InitCluster init => Init(init),
        _ when _founding is null => "PlacementRefused NotInitialized",
        CreateKeyspace create => Create(create),
        AlterKeyspace alter => Alter(alter),
        DropKeyspace { Name: "default" } => "PlacementRefused KeyspaceIsPermanent",
        DropKeyspace drop => Keyspaces.RemoveAll(keyspace => keyspace.Name == drop.Name) == 1 ? "KeyspaceDropped" : "PlacementRefused KeyspaceNotFound",
        ChangeNodeAddress { RaftAddress: "" } => "PlacementRefused Invalid",
        ChangeNodeAddress change when !Addresses.ContainsKey(change.Node.Value) => "PlacementRefused NodeNotFound",
        ChangeNodeAddress change => Move(change),
        StartMove start => Start(start),
        CancelMove cancel => Cancel(cancel.Shard.Value),
        FinishMove finish => Finish(finish),
        _ => throw new ArgumentException(command.ToString()),
    };

    private static bool IsSenseless(long ttl, long longest, int bytes) =>
        ttl < 0 || ttl > PlacementLimits.TtlMsMax || longest < 0 || longest > PlacementLimits.TtlMsMax || (longest > 0 && ttl > longest) || bytes < 0;

    private string Init(InitCluster init)
    {
        if (_founding is not null)
        {
            return _founding == init ? "ClusterInitialized" : "PlacementRefused InitializedOtherwise";
        }

        _founding = init;
        Keyspaces.Add(new KeyspaceDescriptor { Id = new KeyspaceId(1), Name = "default" });
        foreach (var node in init.Nodes)
        {
            Addresses.Add(node.Id.Value, node.RaftAddress);
        }

        for (var shard = 0; shard < init.ShardCount; shard++)
        {
            foreach (var node in init.Shards[shard])
            {
                Replicas[(shard, node.Value)] = _given[(shard, node.Value)] = 1;
            }
        }

        return "ClusterInitialized";
    }

    private string Create(CreateKeyspace create)
    {
        if (create.Name == "Bad Name" || IsSenseless(create.TtlDefaultMs, create.TtlMaxMs, create.ValueBytesMax))
        {
            return "PlacementRefused Invalid";
        }

        if (Keyspaces.Find(keyspace => keyspace.Name == create.Name) is { } existing)
        {
            return (existing.Routing, existing.TtlDefaultMs, existing.TtlMaxMs, existing.ValueBytesMax)
                == (create.Routing, create.TtlDefaultMs, create.TtlMaxMs, create.ValueBytesMax)
                ? "KeyspaceCreated"
                : "PlacementRefused KeyspaceExists";
        }

        Keyspaces.Add(new KeyspaceDescriptor
        {
            Id = new KeyspaceId(_nextId++),
            Name = create.Name,
            Routing = create.Routing,
            TtlDefaultMs = create.TtlDefaultMs,
            TtlMaxMs = create.TtlMaxMs,
            ValueBytesMax = create.ValueBytesMax,
        });
        return "KeyspaceCreated";
    }

    private string Alter(AlterKeyspace alter)
    {
        if (IsSenseless(alter.TtlDefaultMs ?? 0, alter.TtlMaxMs ?? 0, alter.ValueBytesMax ?? 0))
        {
            return "PlacementRefused Invalid";
        }

        var at = Keyspaces.FindIndex(keyspace => keyspace.Name == alter.Name);
        if (at < 0)
        {
            return "PlacementRefused KeyspaceNotFound";
        }

        var altered = Keyspaces[at];
        if (alter.TtlDefaultMs is { } ttl)
        {
            altered = altered with { TtlDefaultMs = ttl };
        }

        if (alter.TtlMaxMs is { } longest)
        {
            altered = altered with { TtlMaxMs = longest };
        }

        if (alter.ValueBytesMax is { } bytes)
        {
            altered = altered with { ValueBytesMax = bytes };
        }

        if (IsSenseless(altered.TtlDefaultMs, altered.TtlMaxMs, altered.ValueBytesMax))
        {
            return "PlacementRefused Invalid";
        }

        Keyspaces[at] = altered;
        return "KeyspaceAltered";
    }

    private string Start(StartMove start)
    {
        var (shard, from, to) = (start.Shard.Value, start.From.Value, start.To.Value);
        if (shard < 0 || shard >= _founding!.ShardCount)
        {
            return "PlacementRefused ShardNotFound";
        }

        if (!Addresses.ContainsKey(from) || !Addresses.ContainsKey(to))
        {
            return "PlacementRefused NodeNotFound";
        }

        if (Moves.TryGetValue(shard, out var running))
        {
            return running.From == from && running.To == to && !running.Cancelling ? "MoveStarted" : "PlacementRefused MoveUnderWay";
        }

        if (!Replicas.ContainsKey((shard, from)))
        {
            return "PlacementRefused NoReplicaThere";
        }

        if (Replicas.ContainsKey((shard, to)))
        {
            return "PlacementRefused ReplicaIsThere";
        }

        _given[(shard, to)] = Math.Max(1, _given.GetValueOrDefault((shard, to))) + 1;
        Moves[shard] = (from, to, _given[(shard, to)], false);
        return "MoveStarted";
    }

    private string Cancel(int shard)
    {
        if (!Moves.TryGetValue(shard, out var move))
        {
            return "PlacementRefused NoMove";
        }

        Moves[shard] = move with { Cancelling = true };
        return "MoveCancelling";
    }

    private string Finish(FinishMove finish)
    {
        var (shard, to, incarnation) = (finish.Shard.Value, finish.To.Node.Value, finish.To.Incarnation);
        if (incarnation < 1 || shard < 0)
        {
            return "PlacementRefused Invalid";
        }

        if (shard >= _founding!.ShardCount)
        {
            return "PlacementRefused ShardNotFound";
        }

        if (!Moves.TryGetValue(shard, out var move) || (move.To, move.Incarnation) != (to, incarnation))
        {
            return incarnation <= _given.GetValueOrDefault((shard, to)) ? "MoveFinished" : "PlacementRefused NoMove";
        }

        if (finish.End == MoveEnd.Cancelled && !move.Cancelling)
        {
            return "PlacementRefused MoveUnderWay";
        }

        Moves.Remove(shard);
        if (finish.End == MoveEnd.Moved)
        {
            Replicas.Remove((shard, move.From));
            Replicas[(shard, to)] = incarnation;
        }

        return "MoveFinished";
    }

    private string Move(ChangeNodeAddress change)
    {
        Addresses[change.Node.Value] = change.RaftAddress;
        return "NodeAddressChanged";
    }
}
