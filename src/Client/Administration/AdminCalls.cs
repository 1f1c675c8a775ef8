using Grpc.Core;
using KvRaft.Client.Requests;
using KvRaft.Client.Routing;
using KvRaft.Client.Transport;
using KvRaft.V1;

namespace KvRaft.Client.Administration;

/// <summary>
/// The administrative calls with their protobuf messages, for kvctl and tests. A call that any node can answer tries one node after another. A change of
/// keyspaces is visible to all later requests of the same client. <see cref="KvAdministration"/> is the public face. Thread-safe.
/// </summary>
internal sealed partial class AdminCalls
{
    /// <summary>10 s: these calls are few, made by people, and may have to wait for an election of the placement driver.</summary>
    public static readonly TimeSpan DefaultTimeout = KvAdministration.DefaultTimeout;

    private readonly KvClientOptions _options;
    private readonly ConnectionPool _connections;
    private readonly RouteCache _routes;
    private readonly NodeHealth _health;
    private readonly Random _chance;

    public AdminCalls(KvClientOptions options, ConnectionPool connections, RouteCache routes, NodeHealth health, Random chance)
    {
        _options = options;
        _connections = connections;
        _routes = routes;
        _health = health;
        _chance = chance;
    }

    /// <summary>Nodes, shards, leaders and keyspaces, as some node knows them.</summary>
    public Task<RouteMap> GetRoutesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("GET_ROUTES", isWrite: false, (node, call) => node.Routing.GetRoutesAsync(new GetRoutesRequest(), call), cancellationToken);

    /// <summary>The shards of some keys.</summary>
    public Task<LocateResponse> LocateAsync(
        string? keyspace, IEnumerable<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken = default)
    {
        var request = new LocateRequest { Keyspace = keyspace ?? _options.Keyspace };
        request.Keys.AddRange(keys.Select(static key => Google.Protobuf.ByteString.CopyFrom(key.Span)));
        return AnyNodeAsync("LOCATE", isWrite: false, (node, call) => node.Routing.LocateAsync(request, call), cancellationToken);
    }

    /// <exception cref="KvException">Reason KEYSPACE_EXISTS, among others.</exception>
    public Task<KeyspaceInfo> CreateKeyspaceAsync(
        KeyspaceInfo keyspace, bool ifNotExists = false, CancellationToken cancellationToken = default)
    {
        var request = new CreateKeyspaceRequest { Keyspace = keyspace, IfNotExists = ifNotExists };
        return MadeAsync(
            AnyNodeAsync("CREATE_KEYSPACE", isWrite: !ifNotExists, (node, call) => node.Keyspaces.CreateAsync(request, call), cancellationToken),
            static created => created.Epoch);
    }

    /// <summary>Changes what may be changed of a keyspace; what is null stays. Repeating it does no harm.</summary>
    /// <param name="timeToLiveDefault">For writes that name no expiry; zero: never.</param>
    /// <param name="valueBytesMax">Zero: the limit of the nodes.</param>
    /// <param name="timeToLiveMax">The longest life a write may ask for; zero: for ever. Values that are there keep their expiry.</param>
    public Task<KeyspaceInfo> AlterKeyspaceAsync(
        string name,
        TimeSpan? timeToLiveDefault = null,
        int? valueBytesMax = null,
        TimeSpan? timeToLiveMax = null,
        CancellationToken cancellationToken = default)
    {
        var request = new AlterKeyspaceRequest { Name = name };
        if (timeToLiveDefault is { } timeToLive)
        {
            request.TtlDefaultMs = (long)timeToLive.TotalMilliseconds;
        }

        if (timeToLiveMax is { } longest)
        {
            request.TtlMaxMs = (long)longest.TotalMilliseconds;
        }

        if (valueBytesMax is { } bytes)
        {
            request.ValueBytesMax = bytes;
        }

        return AlterAsync(request, cancellationToken);
    }

    /// <summary>Changes what an eventual keyspace promises, while it is used; what is not set stays. Repeating it does no harm.</summary>
    /// <exception cref="KvException">It cannot be changed so; the message says why.</exception>
    public Task<KeyspaceInfo> AlterKeyspaceAsync(string name, EventualPolicyChange change, CancellationToken cancellationToken = default) =>
        AlterAsync(new AlterKeyspaceRequest { Name = name, Eventual = change }, cancellationToken);

    /// <summary>What a node refuses to exceed.</summary>
    public Task<Limits> GetLimitsAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "GET_LIMITS", isWrite: false, (node, call) => node.Keyspaces.GetLimitsAsync(new GetLimitsRequest(), call), cancellationToken);

    /// <summary>Drops a keyspace with all its keys.</summary>
    public Task<DropKeyspaceResponse> DropKeyspaceAsync(string name, CancellationToken cancellationToken = default) => MadeAsync(
        AnyNodeAsync(
            "DROP_KEYSPACE", isWrite: true, (node, call) => node.Keyspaces.DropAsync(new DropKeyspaceRequest { Name = name }, call), cancellationToken),
        static dropped => dropped.Epoch);

    public Task<KeyspaceInfo> GetKeyspaceAsync(string name, CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "GET_KEYSPACE",
            isWrite: false,
            (node, call) => node.Keyspaces.GetAsync(new GetKeyspaceRequest { Name = name }, call),
            cancellationToken);

    public Task<ListKeyspacesResponse> ListKeyspacesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "LIST_KEYSPACES", isWrite: false, (node, call) => node.Keyspaces.ListAsync(new ListKeyspacesRequest(), call), cancellationToken);

    /// <summary>
    /// Has a replica of a shard go from one node to another. Answers when the cluster has agreed on it, long before it is done; asked again
    /// while it is under way, it answers the same.
    /// </summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST with what is wrong, among others.</exception>
    public Task<MoveInfo> MoveShardAsync(int shard, string fromNode, string toNode, CancellationToken cancellationToken = default)
    {
        var request = new MoveShardRequest { Shard = shard, FromNode = fromNode, ToNode = toNode };
        return RepeatAsync("MOVE_SHARD", (node, call) => node.Moves.MoveShardAsync(request, call), cancellationToken);
    }

    /// <summary>Has a move undone. Where the old replica has left already, the move is finished instead.</summary>
    public Task<MoveInfo> CancelMoveAsync(int shard, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "CANCEL_MOVE",
            (node, call) => node.Moves.CancelMoveAsync(new CancelMoveRequest { Shard = shard }, call),
            cancellationToken);

    /// <summary>The moves under way, as some node has heard.</summary>
    public Task<ListMovesResponse> ListMovesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_MOVES", isWrite: false, (node, call) => node.Moves.ListMovesAsync(new ListMovesRequest(), call), cancellationToken);

    /// <summary>Has a node give up leading a group: to another voter, or to whoever is elected.</summary>
    public Task<ResignResponse> ResignAsync(
        string endpoint, int group, string? toNode = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        OneNodeAsync(
            "RESIGN",
            endpoint,
            timeout,
            (node, call) => node.Admin.ResignAsync(new ResignRequest { Group = group, ToNode = toNode ?? "" }, call),
            cancellationToken);

    /// <summary>What one node says about itself; asked once, not elsewhere.</summary>
    public Task<StatusResponse> GetStatusAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        OneNodeAsync(
            "STATUS", endpoint, timeout, (node, call) => node.Admin.StatusAsync(new StatusRequest(), call), cancellationToken);

    /// <summary>The digest of one replica of a shard.</summary>
    public Task<DigestResponse> GetDigestAsync(
        string endpoint, int shard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        OneNodeAsync(
            "DIGEST", endpoint, timeout, (node, call) => node.Admin.DigestAsync(new DigestRequest { Shard = shard }, call), cancellationToken);

    /// <summary>What one node keeps of eventual keys for others that were away.</summary>
    public Task<ListHintsResponse> ListHintsAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
        "LIST_HINTS", endpoint, timeout, (node, call) => node.EventualRepair.ListHintsAsync(new ListHintsRequest(), call), cancellationToken);

    /// <summary>Has one node give up what it keeps for another. Comparison of copies still finds what that one lacks.</summary>
    public Task<DropHintsResponse> DropHintsAsync(
        string endpoint, string node, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
            "DROP_HINTS", endpoint, timeout, (keeper, call) => keeper.EventualRepair.DropHintsAsync(new DropHintsRequest { Node = node }, call), cancellationToken);

    /// <summary>How far one node's copies of eventual keys are compared with those of others.</summary>
    /// <param name="keyspace">Null: all.</param>
    public Task<RepairStatusResponse> GetRepairStatusAsync(
        string endpoint, string? keyspace = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
            "REPAIR_STATUS", endpoint, timeout,
            (node, call) => node.EventualRepair.RepairStatusAsync(new RepairStatusRequest { Keyspace = keyspace ?? "" }, call), cancellationToken);

    /// <summary>Has one node stop comparing its copies of eventual keys, or go on.</summary>
    public Task<PauseRepairResponse> PauseRepairAsync(string endpoint, bool pause, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
        "PAUSE_REPAIR", endpoint, timeout, (node, call) => node.EventualRepair.PauseRepairAsync(new PauseRepairRequest { Pause = pause }, call), cancellationToken);

    /// <summary>The keys of an eventual keyspace with the most values side by side, as one node has them.</summary>
    /// <param name="count">From 1 to 1000.</param>
    public Task<TopSiblingsResponse> GetTopSiblingsAsync(
        string endpoint, string keyspace, int count = 10, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
            "TOP_SIBLINGS", endpoint, timeout,
            (node, call) => node.EventualRepair.TopSiblingsAsync(new TopSiblingsRequest { Keyspace = keyspace, Count = count }, call), cancellationToken);

    /// <summary>Has one node compare its copies at once. Returns before it is done.</summary>
    public Task<RunRepairResponse> RunRepairAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
        "RUN_REPAIR", endpoint, timeout, (node, call) => node.EventualRepair.RunRepairAsync(new RunRepairRequest(), call), cancellationToken);

    private async Task<T> OneNodeAsync<T>(
        string name,
        string endpoint,
        TimeSpan? timeout,
        Func<NodeConnection, CallOptions, AsyncUnaryCall<T>> send,
        CancellationToken cancellationToken)
    {
        var trail = new RequestTrail(name, isWrite: false, "-");
        var startedAt = _options.TimeProvider.GetTimestamp();
        var failure = await AttemptAsync(endpoint, trail, timeout ?? _options.Timeout, send, cancellationToken).ConfigureAwait(false);
        return failure.Response is { } response
            ? response
            : throw trail.ToException(_options.TimeProvider.GetElapsedTime(startedAt), requestId: null);
    }

    private Task<KeyspaceInfo> AlterAsync(AlterKeyspaceRequest request, CancellationToken cancellationToken) => MadeAsync(
        RepeatAsync("ALTER_KEYSPACE", (node, call) => node.Keyspaces.AlterAsync(request, call), cancellationToken), static altered => altered.Epoch);

    /// <summary>Whoever makes a change sees it, whichever node is asked next.</summary>
    private async Task<T> MadeAsync<T>(Task<T> change, Func<T, long> epochOf)
    {
        var answer = await change.ConfigureAwait(false);
        _routes.Made(epochOf(answer));
        return answer;
    }

    // These writes have no name, so one that may have been executed is not sent again.
    private Task<T> AnyNodeAsync<T>(
        string name, bool isWrite, Func<NodeConnection, CallOptions, AsyncUnaryCall<T>> send, CancellationToken cancellationToken) =>
        AnyNodeAsync(name, isWrite, mayRepeat: !isWrite, send, cancellationToken);

    // A change that does no harm twice is sent again; but when nobody answers in the end, it may have been made all the same.
    private Task<T> RepeatAsync<T>(string name, Func<NodeConnection, CallOptions, AsyncUnaryCall<T>> send, CancellationToken cancellationToken) =>
        AnyNodeAsync(name, isWrite: true, mayRepeat: true, send, cancellationToken);

    private async Task<T> AnyNodeAsync<T>(
        string name, bool isWrite, bool mayRepeat, Func<NodeConnection, CallOptions, AsyncUnaryCall<T>> send, CancellationToken cancellationToken)
    {
        var trail = new RequestTrail(name, isWrite, "-");
        var startedAt = _options.TimeProvider.GetTimestamp();
        var turn = _chance.Next();
        var delay = TimeSpan.Zero;
        string? avoid = null;
        while (true)
        {
            var elapsed = _options.TimeProvider.GetElapsedTime(startedAt);
            var endpoint = NodeChoice.Pick(
                new NodeQuestion(null, AnyReplica: true, avoid, Hinted: null, turn++), RouteTable.Empty, _options.Endpoints, _health.IsSuspect);
            var result = await AttemptAsync(endpoint, trail, DefaultTimeout - elapsed, send, cancellationToken).ConfigureAwait(false);
            if (result.Response is { } response)
            {
                return response;
            }

            elapsed = _options.TimeProvider.GetElapsedTime(startedAt);
            var decision = RetryPolicy.Decide(
                new RetryInput(trail.Attempts, result.Failure!, delay, elapsed, DefaultTimeout), budgetAllows: true, _chance);
            if (!decision.Retry || (trail.Outcome == KvOutcome.Unknown && !mayRepeat))
            {
                throw trail.ToException(elapsed, requestId: null);
            }

            (delay, avoid) = (decision.Delay, endpoint);
            await Task.Delay(decision.Delay, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<(T? Response, Failure? Failure)> AttemptAsync<T>(
        string endpoint,
        RequestTrail trail,
        TimeSpan timeout,
        Func<NodeConnection, CallOptions, AsyncUnaryCall<T>> send,
        CancellationToken cancellationToken)
    {
        trail.AttemptAt(endpoint);
        try
        {
            var deadline = _options.TimeProvider.GetUtcNow().UtcDateTime + timeout;
            using var call = send(_connections.To(endpoint), new CallOptions(deadline: deadline, cancellationToken: cancellationToken));
            return (await call.ResponseAsync.ConfigureAwait(false), null);
        }
        catch (RpcException fault)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var failure = FailureReader.Read(fault, sent: true);
            trail.Failed(failure);
            if (failure.IsSilence)
            {
                _health.Silent(endpoint);
            }

            return (default, failure);
        }
    }
}
