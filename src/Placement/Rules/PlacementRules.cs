using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Rules;

/// <summary>
/// Applies each command to a state: a pure function, the core of group 0. Commands are idempotent: if a command is proposed again because its outcome
/// is unknown, the repetition changes nothing and returns the result of the first.
/// </summary>
internal static class PlacementRules
{
    public static (PlacementState State, PlacementOutcome Outcome) Apply(PlacementState state, PlacementCommand command) => command switch
    {
        InitCluster init => Init(state, init),
        _ when !state.IsInitialized => (state, new PlacementRefused(PlacementRefusal.NotInitialized, "the cluster is not initialized yet")),
        CreateKeyspace create => Create(state, create),
        AlterKeyspace alter => Alter(state, alter),
        DropKeyspace drop => Drop(state, drop),
        ChangeNodeAddress change => Change(state, change),
        StartMove start => MoveRules.Start(state, start),
        CancelMove cancel => MoveRules.Cancel(state, cancel),
        FinishMove finish => MoveRules.Finish(state, finish),
        JoinNode join => NodeRules.Join(state, join),
        RegisterNode register => NodeRules.Register(state, register),
        DrainNode drain => NodeRules.Drain(state, drain),
        RemoveNode remove => NodeRules.Remove(state, remove),
        StageChanges stage => PlanRules.Stage(state, stage),
        ClearPlan => PlanRules.Clear(state),
        CommitPlan commit => PlanRules.Commit(state, commit),
        EndOperator end => PlanRules.End(state, end),
        HoldOperator hold => PlanRules.Hold(state, hold),
        ChangeSettings change => SettingRules.Change(state, change),
        PauseScheduler pause => SettingRules.Pause(state, pause),
        _ => throw new InvariantException($"No rule for {command.GetType().Name}"),
    };

    private static (PlacementState, PlacementOutcome) Init(PlacementState state, InitCluster init)
    {
        if (PlacementChecks.MistakeIn(init) is { } mistake)
        {
            return Invalid(state, mistake);
        }

        if (state.IsInitialized)
        {
            return DifferenceTo(state, init) is { } difference
                ? (state, new PlacementRefused(PlacementRefusal.InitializedOtherwise, difference))
                : (state, new ClusterInitialized(state.ClusterId));
        }

        var replicas = init.Shards
            .Select(static nodes => nodes.Select(static node => new Replica(node, Replica.IncarnationFirst)).ToImmutableArray())
            .ToArray();
        var map = ShardMap.Create(new Epoch(1), init.ReplicationFactor, init.HashSeed, replicas);
        var first = new KeyspaceDescriptor { Id = KeyspaceId.Default, Name = KeyspaceName.Default };
        return (
            new PlacementState(init.ClusterId, init.Nodes, map, [first], new KeyspaceId(KeyspaceId.Default.Value + 1), [new ContextKey(1, init.ContextSecret)]),
            new ClusterInitialized(init.ClusterId));
    }

    private static (PlacementState, PlacementOutcome) Create(PlacementState state, CreateKeyspace create)
    {
        if (PlacementChecks.MistakeIn(create) is { } mistake)
        {
            return Invalid(state, mistake);
        }

        var wanted = new KeyspaceDescriptor
        {
            Id = state.NextKeyspaceId,
            Name = create.Name,
            Mode = create.Mode,
            Routing = create.Routing,
            TtlDefaultMs = create.TtlDefaultMs,
            TtlMaxMs = create.TtlMaxMs,
            ValueBytesMax = create.ValueBytesMax,
            Eventual = create.Eventual,
        };
        if (state.FindKeyspace(create.Name) is { } existing)
        {
            return existing == wanted with { Id = existing.Id }
                ? (state, new KeyspaceCreated(existing, existed: true, state.Epoch))
                : (state, new PlacementRefused(
                    PlacementRefusal.KeyspaceExists, $"keyspace '{create.Name}' exists with other properties", existing));
        }

        if (state.Keyspaces.Length >= PlacementLimits.KeyspacesMax || wanted.Id.Value > int.MaxValue)
        {
            return (state, new PlacementRefused(
                PlacementRefusal.TooManyKeyspaces, $"a cluster holds at most {PlacementLimits.KeyspacesMax} keyspaces"));
        }

        var next = state.Next(keyspaces: state.Keyspaces.Add(wanted), nextKeyspaceId: new KeyspaceId(wanted.Id.Value + 1));
        return (next, new KeyspaceCreated(wanted, existed: false, next.Epoch));
    }

    private static (PlacementState, PlacementOutcome) Alter(PlacementState state, AlterKeyspace alter)
    {
        if (PlacementChecks.MistakeIn(alter) is { } mistake)
        {
            return Invalid(state, mistake);
        }

        if (state.FindKeyspace(alter.Name) is not { } existing)
        {
            return KeyspaceNotFound(state, alter.Name);
        }

        var altered = existing with
        {
            TtlDefaultMs = alter.TtlDefaultMs ?? existing.TtlDefaultMs,
            TtlMaxMs = alter.TtlMaxMs ?? existing.TtlMaxMs,
            ValueBytesMax = alter.ValueBytesMax ?? existing.ValueBytesMax,
            Eventual = existing.Eventual is { } policy ? alter.Eventual?.Of(policy) ?? policy : null,
        };
        if (WhyNot(state, existing, alter.Eventual) is { } reason)
        {
            return Invalid(state, reason);
        }

        if (altered == existing)
        {
            return (state, new KeyspaceAltered(existing, state.Epoch));
        }

        if (PlacementChecks.MistakeIn(altered) is { } contradiction)
        {
            return Invalid(state, contradiction);
        }

        var next = state.Next(keyspaces: state.Keyspaces.Replace(existing, altered));
        return (next, new KeyspaceAltered(altered, next.Epoch));
    }

    /// <summary>The reason why an eventual keyspace cannot be changed as requested; null if it can.</summary>
    private static string? WhyNot(PlacementState state, KeyspaceDescriptor existing, EventualChange? change)
    {
        if (change is null)
        {
            return null;
        }

        if (existing.Eventual is not { } policy)
        {
            return $"keyspace '{existing.Name}' is strong, and the mode is permanent; it has no n, r and w";
        }

        var owners = state.Nodes.Count(static node => node.IsOwner);
        return change.WhyNot(policy) is { } reason ? $"keyspace '{existing.Name}': {reason}"
            : change.N > policy.Quorum.N && change.N > owners ? $"keyspace '{existing.Name}': n is at most {owners}, the number of nodes with a share of the ring"
            : null;
    }

    private static (PlacementState, PlacementOutcome) Drop(PlacementState state, DropKeyspace drop)
    {
        if (drop.Name == KeyspaceName.Default)
        {
            return (state, new PlacementRefused(
                PlacementRefusal.KeyspaceIsPermanent, $"'{KeyspaceName.Default}' is the keyspace of requests that name none"));
        }

        if (state.FindKeyspace(drop.Name) is not { } existing)
        {
            return KeyspaceNotFound(state, drop.Name);
        }

        var next = state.Next(keyspaces: state.Keyspaces.Remove(existing));
        return (next, new KeyspaceDropped(existing.Id, next.Epoch));
    }

    private static (PlacementState, PlacementOutcome) Change(PlacementState state, ChangeNodeAddress change)
    {
        if (PlacementChecks.MistakeIn(change) is { } mistake)
        {
            return Invalid(state, mistake);
        }

        if (state.FindNode(change.Node) is not { } node)
        {
            return (state, new PlacementRefused(PlacementRefusal.NodeNotFound, $"there is no node '{change.Node}'"));
        }

        var changed = node with { RaftAddress = change.RaftAddress, PublicAddress = change.PublicAddress };
        if (changed == node)
        {
            return (state, new NodeAddressChanged(node, state.Epoch));
        }

        var next = state.Next(nodes: state.Nodes.Replace(node, changed));
        return (next, new NodeAddressChanged(changed, next.Epoch));
    }

    // Addresses and the assignment are not compared: later commands may have changed both, and a difference in them does not make it another cluster.
    private static string? DifferenceTo(PlacementState state, InitCluster init)
    {
        var map = state.Map!;
        if (state.ClusterId != init.ClusterId)
        {
            return $"the cluster id is {state.ClusterId}, not {init.ClusterId}";
        }

        if (map.ShardCount != init.ShardCount)
        {
            return $"the cluster has {map.ShardCount} shards, not {init.ShardCount}";
        }

        if (map.ReplicationFactor != init.ReplicationFactor)
        {
            return $"the replication factor is {map.ReplicationFactor}, not {init.ReplicationFactor}";
        }

        if (map.HashSeed != init.HashSeed)
        {
            return $"the hash seed is {map.HashSeed:x16}, not {init.HashSeed:x16}";
        }

        var (known, asked) = (Describe(state.Nodes), Describe(init.Nodes));
        return known == asked ? null : $"the nodes are {known}, not {asked}";
    }

    private static string Describe(ImmutableArray<NodeDescriptor> nodes) => string.Join(
        ", ", nodes.Select(static node => FormattableString.Invariant($"{node.Id} (weight {node.Weight}, zone '{node.Zone}')")));

    private static (PlacementState, PlacementOutcome) Invalid(PlacementState state, string mistake) =>
        (state, new PlacementRefused(PlacementRefusal.Invalid, mistake));

    private static (PlacementState, PlacementOutcome) KeyspaceNotFound(PlacementState state, string name) =>
        (state, new PlacementRefused(PlacementRefusal.KeyspaceNotFound, $"there is no keyspace '{name}'"));
}
