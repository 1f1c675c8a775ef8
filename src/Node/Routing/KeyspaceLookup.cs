using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Raft.Reads;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Routing;

/// <summary>
/// Finds the keyspace that a request names. Nearly always this node has it in its view. If not, a client may have created it a moment ago through
/// another node. So before this node refuses a request for that reason, it requests the current revision of the registry from the leader of group 0, and
/// waits until its own view includes that revision. It does the same if the caller has seen a change that this node has not received. All requests that
/// wait share one query. Thread-safe.
/// </summary>
internal sealed class KeyspaceLookup
{
    /// <summary>A query to the leader takes a quorum round; without a leader an election completes in this time.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>A cluster that starts has its first map within a few elections.</summary>
    private static readonly TimeSpan MapDelay = TimeSpan.FromMilliseconds(500);

    private readonly ShardMapHolder _map;
    private readonly PlacementRouter _router;
    private readonly PlacementAgent _agent;
    private readonly DeadlineTokens _tokens;
    private readonly TimeProvider _time;
    private readonly SharedRounds<Failure?> _rounds;

    public KeyspaceLookup(ShardMapHolder map, PlacementRouter router, PlacementAgent agent, DeadlineTokens tokens, TimeProvider time)
    {
        _map = map;
        _router = router;
        _agent = agent;
        _tokens = tokens;
        _time = time;
        _rounds = new SharedRounds<Failure?>(CatchUpAsync);
    }

    /// <summary>The keyspace that a request's header names; a keyspace of the other mode counts as absent.</summary>
    public async ValueTask<FoundKeyspace> FindAsync(RequestHeader? header, Topology.KeyspaceMode mode, Deadline deadline) =>
        Only(mode, await FindAsync(header?.Keyspace ?? "", header?.KnownEpoch ?? 0, deadline));

    /// <summary>As <see cref="FindAsync(string, Deadline)"/>; a keyspace of the other mode counts as absent.</summary>
    public async ValueTask<FoundKeyspace> FindAsync(string name, Topology.KeyspaceMode mode, Deadline deadline) => Only(mode, await FindAsync(name, deadline));

    /// <summary>The view that a request keeps to its end and the keyspace in it, or the failure.</summary>
    /// <param name="name">Empty means the default.</param>
    /// <param name="deadline">The deadline of the caller.</param>
    public ValueTask<FoundKeyspace> FindAsync(string name, Deadline deadline) => FindAsync(name, knownEpoch: 0, deadline);

    /// <summary>As <see cref="FindAsync(string, Deadline)"/>, in a view of this epoch at least.</summary>
    /// <param name="name">Empty means the default.</param>
    /// <param name="deadline">The deadline of the caller.</param>
    /// <param name="knownEpoch">The epoch of a change that the caller has seen. If no leader has reached that epoch, it is of a cluster that no longer exists, and the current state counts.</param>
    public ValueTask<FoundKeyspace> FindAsync(string name, long knownEpoch, Deadline deadline)
    {
        var view = _map.Current;
        return view.Map is null || (view.Epoch.Value >= knownEpoch && view.Keyspace(name) is not null)
            ? new(Look(view, name))
            : FindLaterAsync(name, deadline);
    }

    private static FoundKeyspace Only(Topology.KeyspaceMode mode, FoundKeyspace found) => found.Keyspace is { } keyspace && keyspace.Mode != mode
        ? new FoundKeyspace(found.View, null, Failure.WrongMode(keyspace.Name, keyspace.Mode))
        : found;

    private static FoundKeyspace Look(RoutingView view, string name)
    {
        var keyspace = view.Keyspace(name);
        return view.Map is null ? new FoundKeyspace(view, null, Failure.NoMap(MapDelay))
            : keyspace is null ? new FoundKeyspace(view, null, Failure.KeyspaceNotFound(name))
            : new FoundKeyspace(view, keyspace, null);
    }

    private async ValueTask<FoundKeyspace> FindLaterAsync(string name, Deadline deadline)
    {
        if (name.Length > 0 && !KeyspaceName.IsValid(name))
        {
            // No registry ever holds it.
            return new FoundKeyspace(_map.Current, null, Failure.KeyspaceNotFound(name));
        }

        try
        {
            var failure = await _rounds.NextAsync().WaitAsync(_tokens.For(deadline));
            return failure is null ? Look(_map.Current, name) : new FoundKeyspace(_map.Current, null, failure);
        }
        catch (OperationCanceledException)
        {
            return new FoundKeyspace(_map.Current, null, Failure.Deadline(Execution.NotExecuted));
        }
    }

    /// <summary>Null: this node has everything that was committed before this call.</summary>
    private async Task<Failure?> CatchUpAsync()
    {
        var deadline = Deadline.After(Patience, _time);
        var answered = await _router.ReadAsync(deadline);
        if (answered.Answer is not { } list)
        {
            return answered.Failure;
        }

        try
        {
            await _agent.WaitForAsync(state => state.Epoch.Value >= list.Epoch, _tokens.For(deadline));
            return null;
        }
        catch (OperationCanceledException)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }
    }
}

/// <summary>The result of <see cref="KeyspaceLookup"/>: the keyspace in a view, or a failure.</summary>
internal readonly record struct FoundKeyspace(RoutingView View, KeyspaceDescriptor? Keyspace, Failure? Failure);
