using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.State;

/// <summary>Group 0 as one would tell it: a dictionary of keyspaces and one of addresses.</summary>
internal sealed class PlacementModel
{
    private InitCluster? _founding;
    private uint _nextId = 2;

    public List<KeyspaceDescriptor> Keyspaces { get; } = [];

    public Dictionary<string, string> Addresses { get; } = [];

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
        _ => throw new ArgumentException(command.ToString()),
    };

    private static bool IsSenseless(long ttl, int bytes) => ttl < 0 || ttl > PlacementLimits.TtlMsMax || bytes < 0;

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

        return "ClusterInitialized";
    }

    private string Create(CreateKeyspace create)
    {
        if (create.Name == "Bad Name" || IsSenseless(create.TtlDefaultMs, create.ValueBytesMax))
        {
            return "PlacementRefused Invalid";
        }

        if (Keyspaces.Find(keyspace => keyspace.Name == create.Name) is { } existing)
        {
            return (existing.Routing, existing.TtlDefaultMs, existing.ValueBytesMax) == (create.Routing, create.TtlDefaultMs, create.ValueBytesMax)
                ? "KeyspaceCreated"
                : "PlacementRefused KeyspaceExists";
        }

        Keyspaces.Add(new KeyspaceDescriptor
        {
            Id = new KeyspaceId(_nextId++),
            Name = create.Name,
            Routing = create.Routing,
            TtlDefaultMs = create.TtlDefaultMs,
            ValueBytesMax = create.ValueBytesMax,
        });
        return "KeyspaceCreated";
    }

    private string Alter(AlterKeyspace alter)
    {
        if (IsSenseless(alter.TtlDefaultMs ?? 0, alter.ValueBytesMax ?? 0))
        {
            return "PlacementRefused Invalid";
        }

        var at = Keyspaces.FindIndex(keyspace => keyspace.Name == alter.Name);
        if (at < 0)
        {
            return "PlacementRefused KeyspaceNotFound";
        }

        if (alter.TtlDefaultMs is { } ttl)
        {
            Keyspaces[at] = Keyspaces[at] with { TtlDefaultMs = ttl };
        }

        if (alter.ValueBytesMax is { } bytes)
        {
            Keyspaces[at] = Keyspaces[at] with { ValueBytesMax = bytes };
        }

        return "KeyspaceAltered";
    }

    private string Move(ChangeNodeAddress change)
    {
        Addresses[change.Node.Value] = change.RaftAddress;
        return "NodeAddressChanged";
    }
}
