using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Cluster;

/// <summary>
/// The channel of an operator to one node: single calls with a deadline, never retried and never sent elsewhere, so that an answer comes from that node.
/// If the node does not answer, every method returns null.
/// </summary>
internal sealed class AdminChannel : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly GrpcChannel _channel;
    private readonly Admin.AdminClient _admin;
    private readonly EventualTrees.EventualTreesClient _trees;
    private readonly EventualRepair.EventualRepairClient _repair;
    private readonly Plans.PlansClient _plans;
    private readonly Operators.OperatorsClient _operators;
    private readonly Moves.MovesClient _moves;

    public AdminChannel(string endpoint)
    {
        _channel = GrpcChannel.ForAddress($"http://{endpoint}", new GrpcChannelOptions
        {
            // A node that was down must be reachable at once, not after a back-off that has grown meanwhile.
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(200),
            HttpHandler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromMilliseconds(500), KeepAlivePingDelay = TimeSpan.FromSeconds(1), KeepAlivePingTimeout = TimeSpan.FromSeconds(2) },
        });
        _admin = new Admin.AdminClient(_channel);
        _trees = new EventualTrees.EventualTreesClient(_channel);
        _repair = new EventualRepair.EventualRepairClient(_channel);
        _plans = new Plans.PlansClient(_channel);
        _operators = new Operators.OperatorsClient(_channel);
        _moves = new Moves.MovesClient(_channel);
    }

    public Task<StatusResponse?> StatusAsync() => AskAsync(call => _admin.StatusAsync(new StatusRequest(), call));

    public Task<DigestResponse?> DigestAsync(int shard) => AskAsync(call => _admin.DigestAsync(new DigestRequest { Shard = shard }, call));

    public Task<ResignResponse?> ResignAsync(int group) => AskAsync(call => _admin.ResignAsync(new ResignRequest { Group = group }, call));

    public Task<FlushResponse?> FlushAsync(int shard) => AskAsync(call => _admin.FlushAsync(new FlushRequest { Shard = shard }, call));

    public Task<SnapshotResponse?> SnapshotAsync(int shard) => AskAsync(call => _admin.SnapshotAsync(new SnapshotRequest { Shard = shard }, call));

    public Task<TokenRangeRootsResponse?> TokenRangeRootsAsync(int keyspace) => AskAsync(call => _trees.RootsAsync(new TokenRangeRootsRequest { Keyspace = keyspace }, call));

    public Task<RepairStatusResponse?> RepairStatusAsync(string keyspace) =>
        AskAsync(call => _repair.RepairStatusAsync(new RepairStatusRequest { Keyspace = keyspace }, call));

    public Task<PlanInfo?> CommitPlanAsync(PlanChange change) => AskAsync(call => _plans.StageAsync(new StagePlanRequest { Changes = { change }, Now = true }, call));

    public Task<MoveInfo?> MoveShardAsync(MoveShardRequest move) => AskAsync(call => _moves.MoveShardAsync(move, call));

    public Task<ListMovesResponse?> MovesAsync() => AskAsync(call => _moves.ListMovesAsync(new ListMovesRequest(), call));

    public Task<ListOperatorsResponse?> OperatorsAsync() => AskAsync(call => _operators.ListAsync(new ListOperatorsRequest(), call));

    public void Dispose() => _channel.Dispose();

    private static async Task<T?> AskAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> send)
        where T : class
    {
        try
        {
            using var call = send(new CallOptions(deadline: DateTime.UtcNow + Patience));
            return await call.ResponseAsync;
        }
        catch (RpcException)
        {
            return null;
        }
    }
}
