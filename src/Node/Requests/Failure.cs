using System.Globalization;
using KvRaft.Node.Options;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// Why a request has no answer, and whether it may have been executed. A value that the lower components return;
/// only <c>Requests/RpcStatus</c> translates it to the wire. The reasons are those of
/// <see cref="ErrorReasons"/>; each factory here is one row of the error model.
/// <para>
/// Message, field and facts may have text of the client in them. Each is cut to a limit here, so that no failure is larger than a client can receive, and a refusal is never as
/// large as the request (<see cref="ClientText"/>, <see cref="FailureFacts"/>).
/// </para>
/// </summary>
internal sealed record Failure(string Reason, Execution Execution, string Message)
{
    public string Message { get; init => field = ClientText.Cut(value, FailureFacts.MessageBytesMax); } = ClientText.Cut(Message, FailureFacts.MessageBytesMax);

    /// <summary>The field of the request that is wrong, as in the proto; null if none is.</summary>
    public string? Field { get; init => field = value is null ? null : ClientText.Cut(value, FailureFacts.FieldBytesMax); }

    /// <summary>After which delay a retry makes sense; zero gives no delay.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>The node to which the request should be sent instead.</summary>
    public RouteHint? Hint { get; init; }

    /// <summary>Facts for programs: limit, actual value, setting, shard.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Facts { get; init => field = FailureFacts.Bound(value); } = [];

    /// <summary>The same request may be sent again without a risk that it is executed twice.</summary>
    public bool IsNotExecuted => Execution == Execution.NotExecuted;

    public static Failure NotLeader(RouteHint hint) =>
        new(ErrorReasons.NotLeader, Execution.NotExecuted, $"this node does not lead shard {hint.Shard}")
        {
            Hint = hint,
            Facts = [Fact("shard", hint.Shard)],
        };

    public static Failure WrongShard(RouteHint hint) =>
        new(ErrorReasons.WrongShard, Execution.NotExecuted, $"this node has no replica of shard {hint.Shard}")
        {
            Hint = hint,
            Facts = [Fact("shard", hint.Shard)],
        };

    public static Failure NoLeader(ShardId shard, TimeSpan retryAfter) =>
        new(ErrorReasons.NoLeader, Execution.NotExecuted, $"shard {shard} has no leader at the moment")
        {
            RetryAfter = retryAfter,
            Facts = [Fact("shard", shard.Value)],
        };

    /// <summary>The cluster has no shard map yet, so nothing can be routed.</summary>
    public static Failure NoMap(TimeSpan retryAfter) =>
        new(ErrorReasons.NoLeader, Execution.NotExecuted, "the cluster has no shard map yet") { RetryAfter = retryAfter };

    /// <summary>Group 0 has no leader, so nodes and keyspaces cannot be changed.</summary>
    public static Failure NoPlacementLeader(TimeSpan retryAfter) =>
        new(ErrorReasons.NoLeader, Execution.NotExecuted, "the placement driver has no leader at the moment") { RetryAfter = retryAfter };

    /// <summary>A call that only nodes of the cluster may make.</summary>
    public static Failure NodesOnly(string what) =>
        new(ErrorReasons.NodeProofRequired, Execution.NotExecuted, $"{what} is for nodes of the cluster, which prove that they have its secret (clusterSecretFile)");

    /// <summary>The caller has another secret.</summary>
    public static Failure WrongProof(NodeId node) =>
        new(ErrorReasons.NodeProofRequired, Execution.NotExecuted, $"the caller's cluster secret is not that of node {node} (clusterSecretFile)");

    public static Failure QuorumLost(ShardId shard, Execution execution, TimeSpan retryAfter) =>
        new(ErrorReasons.QuorumLost, execution, $"no majority of shard {shard} answers")
        {
            RetryAfter = retryAfter,
            Facts = [Fact("shard", shard.Value)],
        };

    /// <summary>The leader changed, or the connection to it failed, while a write was in progress.</summary>
    public static Failure OutcomeUnknown(ShardId shard) =>
        new(ErrorReasons.QuorumLost, Execution.Unknown, $"shard {shard} lost its leader while the write was in progress")
        {
            Facts = [Fact("shard", shard.Value)],
        };

    public static Failure Deadline(Execution execution) =>
        new(ErrorReasons.Deadline, execution, execution == Execution.NotExecuted
            ? "the deadline passed before the request was executed"
            : "the deadline passed while the write was in progress; it may still take effect");

    public static Failure Overloaded(string what, TimeSpan retryAfter) =>
        new(ErrorReasons.Overloaded, Execution.NotExecuted, $"{what} is full") { RetryAfter = retryAfter };

    /// <summary>A budget has no space for a request now.</summary>
    /// <param name="what">The budget.</param>
    /// <param name="setting">The setting of its limit.</param>
    /// <param name="taken">The part of it that is taken.</param>
    /// <param name="max">Its limit.</param>
    /// <param name="actual">The value to report against the limit.</param>
    /// <param name="retryAfter">The delay before a repetition.</param>
    /// <param name="unit">Of the figures in the message, with a space before it.</param>
    public static Failure Full(string what, string setting, long taken, long max, long actual, TimeSpan retryAfter, string unit = " bytes") =>
        Overloaded($"{what} ({taken} of {max}{unit}, {setting})", retryAfter) with
        {
            Facts = [Fact("limit", max), Fact("actual", actual), new("setting", setting)],
        };

    public static Failure DiskFull(long freeBytes, long reserveBytes) =>
        new(ErrorReasons.DiskFull, Execution.NotExecuted, "the data disk is nearly full; deletes are still accepted")
        {
            Facts =
            [
                Fact("limit", reserveBytes), Fact("actual", freeBytes), new("setting", "limits.diskReserveBytes"),
            ],
        };

    /// <summary>A request over HTTP that names a host other than this node, or that a page of another site sends.</summary>
    public static Failure HostNotAllowed(string header, string why) =>
        new(ErrorReasons.HostNotAllowed, Execution.NotExecuted, why) { Field = header };

    /// <summary>The disk is full even for a delete: a delete needs space in the log.</summary>
    public static Failure LogFull(ShardId shard) =>
        new(ErrorReasons.DiskFull, Execution.NotExecuted, $"the disk of the node that leads shard {shard} has no space for its log; nothing is written until there is")
        {
            Facts = [Fact("shard", shard.Value)],
        };

    public static Failure Limit(LimitExceeded exceeded) =>
        new(ErrorReasons.LimitExceeded, Execution.NotExecuted, exceeded.ToString())
        {
            Field = exceeded.Field,
            Facts = [Fact("limit", exceeded.Limit), Fact("actual", exceeded.Actual), new("setting", exceeded.Setting)],
        };

    public static Failure Invalid(string field, string why) =>
        new(ErrorReasons.InvalidRequest, Execution.NotExecuted, $"{ClientText.Quote(field)}: {why}") { Field = field };

    public static Failure CrossShard(string why, string field) =>
        new(ErrorReasons.CrossShardAtomic, Execution.NotExecuted, $"an atomic operation must be in one shard: {why}") { Field = field };

    public static Failure KeyspaceNotFound(string name) =>
        new(ErrorReasons.KeyspaceNotFound, Execution.NotExecuted, $"there is no keyspace '{ClientText.Quote(name)}'") { Facts = [new("keyspace", name)] };

    public static Failure WrongMode(string keyspace, Topology.KeyspaceMode mode) =>
        new(ErrorReasons.WrongMode, Execution.NotExecuted, $"keyspace '{keyspace}' is {(mode == Topology.KeyspaceMode.Eventual
            ? "eventual: use the calls of EventualKv" : "strong: use the calls of Kv")}")
        {
            Facts = [new("keyspace", keyspace)],
        };

    /// <summary>Fewer replicas of an eventual key answered than required.</summary>
    public static Failure QuorumNotReached(int answered, int wanted, Execution execution) =>
        new(ErrorReasons.QuorumNotReached, execution, execution == Execution.Unknown
            ? $"{answered} of {wanted} replicas have the write; those replicas will send it to the others"
            : $"{answered} of {wanted} replicas answered")
        {
            Facts = [Fact("answered", answered), Fact("wanted", wanted)],
        };

    public static Failure ContextInvalid(string why) =>
        new(ErrorReasons.ContextInvalid, Execution.NotExecuted, $"the context is refused: {why}") { Field = "context" };

    public static Failure TooManySiblings(long actual, long limit, string setting) =>
        new(ErrorReasons.TooManySiblings, Execution.NotExecuted, "the key has too many concurrent values; read, resolve, and write with the context")
        {
            Facts = [Fact("limit", limit), Fact("actual", actual), new("setting", setting)],
        };

    public static Failure StaleReplica(string why) => new(ErrorReasons.StaleReplica, Execution.NotExecuted, why);

    public static Failure CursorInvalid(string why) =>
        new(ErrorReasons.CursorInvalid, Execution.NotExecuted, why) { Field = "resume_token" };

    public static Failure CorruptReplica(Execution execution) =>
        new(ErrorReasons.CorruptReplica, execution, "the stored record of the key on this replica cannot be read");

    /// <summary>This node's own copies of eventual keys are not open: damaged files were set aside.</summary>
    public static Failure StoreRebuilding(Execution execution) =>
        new(ErrorReasons.CorruptReplica, execution, "this node's store of eventual keys was damaged and is being rebuilt") { RetryAfter = TimeSpan.FromSeconds(1) };

    /// <summary>The engine reached the end of the disk, whatever the guard had measured.</summary>
    public static Failure StoreFull(Execution execution) =>
        new(ErrorReasons.DiskFull, execution, "this node's data disk has no space; it accepts writes of eventual keys again when there is space");

    /// <summary>The system refused a descriptor, memory or access; the store is opened again after a wait.</summary>
    public static Failure StoreRefused(Execution execution) =>
        new(ErrorReasons.Overloaded, execution, "the system refuses this node a descriptor, memory or access to its files") { RetryAfter = TimeSpan.FromSeconds(1) };

    public static Failure Draining(string why) => new(ErrorReasons.Draining, Execution.NotExecuted, why);

    public static Failure Internal(Execution execution) =>
        new(ErrorReasons.Internal, execution, "the node failed with an unexpected error; its log has the details");

    /// <summary>A refusal by the state machine, identical on every replica: nothing was changed.</summary>
    public static Failure Refused(string reason, string why) => new(reason, Execution.NotExecuted, why);

    private static KeyValuePair<string, string> Fact(string name, long value) =>
        new(name, value.ToString(CultureInfo.InvariantCulture));
}

/// <summary>Carries a <see cref="Failure"/> through code that has no other way to return it, up to the edge.</summary>
internal sealed class FailureException(Failure failure) : Exception(failure.Message)
{
    public Failure Failure { get; } = failure;
}
