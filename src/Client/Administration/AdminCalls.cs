using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.Client.Routing;
using KvRaft.Client.Telemetry;
using KvRaft.Client.Transport;
using KvRaft.V1;

namespace KvRaft.Client.Administration;

/// <summary>
/// The administrative calls with their protobuf messages, for kvctl and tests. If any node can answer a call, the client tries one node after another. A
/// change of keyspaces is visible to all later requests of the same client. <see cref="KvAdministration"/> is the public API. Thread-safe.
/// </summary>
internal sealed partial class AdminCalls
{
    /// <summary>10 s: these calls are rare, made by people, and may have to wait for an election of the placement driver.</summary>
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

    /// <summary>Nodes, shards, leaders and keyspaces, as one of the nodes sees them.</summary>
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

    /// <summary>Changes the mutable properties of a keyspace; null leaves a property unchanged. Idempotent.</summary>
    /// <param name="name">The keyspace.</param>
    /// <param name="timeToLiveDefault">For writes without an expiry; zero: never.</param>
    /// <param name="valueBytesMax">Zero: the limit of the nodes.</param>
    /// <param name="timeToLiveMax">The maximum time to live of a write; zero: no limit. Existing values keep their expiry.</param>
    /// <param name="cancellationToken">Ends the call.</param>
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

    /// <summary>Changes the policy of an eventual keyspace while it is used; fields that are not set stay unchanged. Idempotent.</summary>
    /// <exception cref="KvException">The change is not possible; the message gives the reason.</exception>
    public Task<KeyspaceInfo> AlterKeyspaceAsync(string name, EventualPolicyChange change, CancellationToken cancellationToken = default) =>
        AlterAsync(new AlterKeyspaceRequest { Name = name, Eventual = change }, cancellationToken);

    /// <summary>The limits that a node enforces.</summary>
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
    /// Moves a replica of a shard from one node to another. Returns when the move is agreed, long before it is complete; a repeated call during the
    /// move returns the same move.
    /// </summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST with an explanation, among others.</exception>
    public Task<MoveInfo> MoveShardAsync(int shard, string fromNode, string toNode, CancellationToken cancellationToken = default)
    {
        var request = new MoveShardRequest { Shard = shard, FromNode = fromNode, ToNode = toNode };
        return RepeatAsync("MOVE_SHARD", (node, call) => node.Moves.MoveShardAsync(request, call), cancellationToken);
    }

    /// <summary>Reverts a move. If the old replica is already removed, the move is completed instead.</summary>
    public Task<MoveInfo> CancelMoveAsync(int shard, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "CANCEL_MOVE",
            (node, call) => node.Moves.CancelMoveAsync(new CancelMoveRequest { Shard = shard }, call),
            cancellationToken);

    /// <summary>The moves under way, as one of the nodes sees them.</summary>
    public Task<ListMovesResponse> ListMovesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_MOVES", isWrite: false, (node, call) => node.Moves.ListMovesAsync(new ListMovesRequest(), call), cancellationToken);

    /// <summary>Transfers the leadership of a group away from a node: to the given voter, or to any.</summary>
    public Task<ResignResponse> ResignAsync(
        string endpoint, int group, string? toNode = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        OneNodeAsync(
            "RESIGN",
            endpoint,
            timeout,
            (node, call) => node.Admin.ResignAsync(new ResignRequest { Group = group, ToNode = toNode ?? "" }, call),
            cancellationToken);

    /// <summary>The status that one node reports about itself; the call is not retried on other nodes.</summary>
    public Task<StatusResponse> GetStatusAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        OneNodeAsync(
            "STATUS", endpoint, timeout, (node, call) => node.Admin.StatusAsync(new StatusRequest(), call), cancellationToken);

    /// <summary>The digest of one replica of a shard.</summary>
    public Task<DigestResponse> GetDigestAsync(
        string endpoint, int shard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        OneNodeAsync(
            "DIGEST", endpoint, timeout, (node, call) => node.Admin.DigestAsync(new DigestRequest { Shard = shard }, call), cancellationToken);

    /// <summary>The hints that one node holds for eventual keys of nodes that were away.</summary>
    public Task<ListHintsResponse> ListHintsAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
        "LIST_HINTS", endpoint, timeout, (node, call) => node.EventualRepair.ListHintsAsync(new ListHintsRequest(), call), cancellationToken);

    /// <summary>Discards the hints that one node holds for another. The comparison of copies still finds the missing writes.</summary>
    public Task<DropHintsResponse> DropHintsAsync(
        string endpoint, string node, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
            "DROP_HINTS", endpoint, timeout, (client, call) => client.EventualRepair.DropHintsAsync(new DropHintsRequest { Node = node }, call), cancellationToken);

    /// <summary>The progress of the comparison of one node's copies of eventual keys with those of other nodes.</summary>
    /// <param name="endpoint">The node.</param>
    /// <param name="keyspace">Null: all.</param>
    /// <param name="timeout">Null: <see cref="DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<RepairStatusResponse> GetRepairStatusAsync(
        string endpoint, string? keyspace = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
            "REPAIR_STATUS", endpoint, timeout,
            (node, call) => node.EventualRepair.RepairStatusAsync(new RepairStatusRequest { Keyspace = keyspace ?? "" }, call), cancellationToken);

    /// <summary>Pauses the comparison of eventual keys on one node, or resumes it.</summary>
    public Task<PauseRepairResponse> PauseRepairAsync(string endpoint, bool pause, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
        "PAUSE_REPAIR", endpoint, timeout, (node, call) => node.EventualRepair.PauseRepairAsync(new PauseRepairRequest { Pause = pause }, call), cancellationToken);

    /// <summary>The keys of an eventual keyspace with the most siblings, as one node holds them.</summary>
    /// <param name="endpoint">The node.</param>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="count">From 1 to 1000.</param>
    /// <param name="timeout">Null: <see cref="DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<TopSiblingsResponse> GetTopSiblingsAsync(
        string endpoint, string keyspace, int count = 10, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => OneNodeAsync(
            "TOP_SIBLINGS", endpoint, timeout,
            (node, call) => node.EventualRepair.TopSiblingsAsync(new TopSiblingsRequest { Keyspace = keyspace, Count = count }, call), cancellationToken);

    /// <summary>Starts a comparison of the copies of one node. Returns before it is complete.</summary>
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

    /// <summary>The client that made a change sees it on every node.</summary>
    private async Task<T> MadeAsync<T>(Task<T> change, Func<T, long> epochOf)
    {
        var answer = await change.ConfigureAwait(false);
        _routes.Made(epochOf(answer));
        return answer;
    }

    // These writes have no request id, so a write that may have been executed is not sent again.
    private Task<T> AnyNodeAsync<T>(
        string name, bool isWrite, Func<NodeConnection, CallOptions, AsyncUnaryCall<T>> send, CancellationToken cancellationToken) =>
        AnyNodeAsync(name, isWrite, mayRepeat: !isWrite, send, cancellationToken);

    // An idempotent change is sent again. If no node answers in the end, the change may still have been made.
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
        var connection = _connections.To(endpoint);
        try
        {
            var deadline = _options.TimeProvider.GetUtcNow().UtcDateTime + timeout;
            using var call = send(connection, new CallOptions(deadline: deadline, cancellationToken: cancellationToken));
            return (await call.ResponseAsync.ConfigureAwait(false), null);
        }
        catch (RpcException fault)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var failure = FailureReader.Read(fault, sent: connection.HasConnected);
            trail.Failed(failure);
            if (failure.IsSilence)
            {
                _health.Silent(endpoint);
            }

            return (default, failure);
        }
    }
}
