using KvRaft.Client.Administration;

namespace KvRaft.Client;

/// <summary>
/// Operates a cluster: keyspaces, nodes, plans, moves, schedulers, the ring, and the status of single nodes. A call that any node can answer tries one node
/// after another for up to <see cref="DefaultTimeout"/>; a call with an endpoint goes to that node only. A change of keyspaces is visible to all later
/// requests of the same client; another client sees it as soon as the node it uses has received it. Every call may throw <see cref="KvException"/>; its
/// outcome says whether a change may have been made. Thread-safe.
/// </summary>
public sealed class KvAdministration
{
    /// <summary>10 s: an operator waits for these calls, and one may have to wait for an election of group 0.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(10);

    internal KvAdministration(AdminCalls calls) => Calls = calls;

    /// <summary>The same calls with their protobuf messages.</summary>
    internal AdminCalls Calls { get; }

    // ---- the cluster ----

    /// <summary>Reads nodes, shards, leaders and keyspaces as one node sees them.</summary>
    public async Task<KvClusterMap> GetClusterMapAsync(CancellationToken cancellationToken = default) =>
        KvClusterMap.From(await Calls.GetRoutesAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Finds the shards of keys.</summary>
    /// <param name="keyspace">null: the keyspace of the client's options.</param>
    /// <returns>One location per key, in order.</returns>
    public async Task<IReadOnlyList<KvKeyLocation>> LocateAsync(
        string? keyspace, IEnumerable<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var answer = await Calls.LocateAsync(keyspace, keys, cancellationToken).ConfigureAwait(false);
        return [.. answer.Locations.Select(static location => new KvKeyLocation(location.Key.Memory, location.Token, KvShardRoute.From(location.Shard)))];
    }

    /// <summary>Reads the limits that a node enforces.</summary>
    public async Task<KvLimits> GetLimitsAsync(CancellationToken cancellationToken = default) =>
        KvLimits.From(await Calls.GetLimitsAsync(cancellationToken).ConfigureAwait(false));

    // ---- keyspaces ----

    /// <summary>Creates a keyspace.</summary>
    /// <param name="ifNotExists">Returns the existing keyspace if it has the same settings.</param>
    /// <exception cref="KvException">Reason KEYSPACE_EXISTS, among others.</exception>
    public async Task<KvKeyspaceInfo> CreateKeyspaceAsync(
        KvKeyspaceInfo keyspace, bool ifNotExists = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return KvKeyspaceInfo.From(await Calls.CreateKeyspaceAsync(keyspace.ToMessage(), ifNotExists, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Changes settings of a keyspace; what is null stays as it is. A repetition has no further effect.</summary>
    /// <param name="timeToLiveDefault">For writes that set no expiry; zero: they do not expire.</param>
    /// <param name="valueBytesMax">Zero: the limit of the nodes.</param>
    /// <param name="timeToLiveMax">The longest time to live that a write may set; zero: no limit. Stored values keep their expiry.</param>
    public async Task<KvKeyspaceInfo> AlterKeyspaceAsync(
        string name,
        TimeSpan? timeToLiveDefault = null,
        int? valueBytesMax = null,
        TimeSpan? timeToLiveMax = null,
        CancellationToken cancellationToken = default) =>
        KvKeyspaceInfo.From(
            await Calls.AlterKeyspaceAsync(name, timeToLiveDefault, valueBytesMax, timeToLiveMax, cancellationToken).ConfigureAwait(false));

    /// <summary>Changes the replication policy of an eventual keyspace while it is in use. A repetition has no further effect.</summary>
    /// <exception cref="KvException">The change is not possible; the message says why.</exception>
    public async Task<KvKeyspaceInfo> AlterKeyspaceAsync(string name, KvEventualPolicyChange change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return KvKeyspaceInfo.From(await Calls.AlterKeyspaceAsync(name, change.ToMessage(), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Drops a keyspace with all its keys.</summary>
    public Task DropKeyspaceAsync(string name, CancellationToken cancellationToken = default) => Calls.DropKeyspaceAsync(name, cancellationToken);

    public async Task<KvKeyspaceInfo> GetKeyspaceAsync(string name, CancellationToken cancellationToken = default) =>
        KvKeyspaceInfo.From(await Calls.GetKeyspaceAsync(name, cancellationToken).ConfigureAwait(false));

    /// <returns>By name.</returns>
    public async Task<IReadOnlyList<KvKeyspaceInfo>> ListKeyspacesAsync(CancellationToken cancellationToken = default) =>
        [.. (await Calls.ListKeyspacesAsync(cancellationToken).ConfigureAwait(false)).Keyspaces.Select(KvKeyspaceInfo.From)];

    // ---- nodes ----

    public async Task<KvNodes> ListNodesAsync(CancellationToken cancellationToken = default) =>
        KvNodes.From(await Calls.ListNodesAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Drains a node, or ends its draining: a drained node keeps its replicas, leads nothing and serves no reads. Returns when the cluster has agreed.</summary>
    public async Task<KvNode> DrainNodeAsync(string node, bool undrain = false, CancellationToken cancellationToken = default) =>
        KvNode.From((await Calls.DrainNodeAsync(node, undrain, cancellationToken).ConfigureAwait(false)).Node);

    /// <summary>Reads the status that one node reports about itself.</summary>
    /// <param name="endpoint">host:port of the node.</param>
    public async Task<KvNodeStatus> GetStatusAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        KvNodeStatus.From(await Calls.GetStatusAsync(endpoint, timeout, cancellationToken).ConfigureAwait(false));

    /// <summary>Computes the digest of one replica of a shard.</summary>
    public async Task<KvDigest> GetDigestAsync(
        string endpoint, int shard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        KvDigest.From(await Calls.GetDigestAsync(endpoint, shard, timeout, cancellationToken).ConfigureAwait(false));

    /// <summary>Makes a node resign as the leader of a group.</summary>
    /// <param name="group">0: the placement group; otherwise the shard + 1.</param>
    /// <param name="toNode">The voter to lead next; null: the result of an election.</param>
    /// <returns>Whether the node led the group.</returns>
    public async Task<bool> ResignAsync(
        string endpoint, int group, string? toNode = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        (await Calls.ResignAsync(endpoint, group, toNode, timeout, cancellationToken).ConfigureAwait(false)).WasLeader;

    // ---- plans and moves ----

    /// <summary>Adds changes to the staged plan and returns the plan.</summary>
    public async Task<KvPlan> StageAsync(IEnumerable<KvPlanChange> changes, CancellationToken cancellationToken = default) =>
        KvPlan.From(await Calls.StageAsync(changes.Select(static change => change.ToMessage()), cancellationToken).ConfigureAwait(false));

    /// <summary>Returns the plan that the changes would make. Nothing is staged.</summary>
    public async Task<KvPlan> TryPlanAsync(IEnumerable<KvPlanChange> changes, CancellationToken cancellationToken = default) =>
        KvPlan.From(await Calls.TryPlanAsync(changes.Select(static change => change.ToMessage()), cancellationToken).ConfigureAwait(false));

    /// <summary>Commits changes at once. What is staged stays staged.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST while the moves of an earlier plan are under way, among others.</exception>
    public async Task<KvPlan> CommitPlanAsync(IEnumerable<KvPlanChange> changes, CancellationToken cancellationToken = default) =>
        KvPlan.From(await Calls.CommitPlanAsync(changes.Select(static change => change.ToMessage()), cancellationToken).ConfigureAwait(false));

    /// <summary>Commits the staged plan.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST while the moves of an earlier plan are under way, among others.</exception>
    public async Task<KvPlan> CommitPlanAsync(CancellationToken cancellationToken = default) =>
        KvPlan.From(await Calls.CommitPlanAsync(cancellationToken).ConfigureAwait(false));

    public async Task<KvPlan> ShowPlanAsync(CancellationToken cancellationToken = default) =>
        KvPlan.From(await Calls.ShowPlanAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Removes all staged changes.</summary>
    public Task ClearPlanAsync(CancellationToken cancellationToken = default) => Calls.ClearPlanAsync(cancellationToken);

    /// <summary>
    /// Moves a replica of a shard from one node to another. Returns when the cluster has agreed, before the data has moved. A repetition while the move is
    /// under way returns the same move.
    /// </summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST with the cause, among others.</exception>
    public async Task<KvMove> MoveShardAsync(int shard, string fromNode, string toNode, CancellationToken cancellationToken = default) =>
        KvMove.From(await Calls.MoveShardAsync(shard, fromNode, toNode, cancellationToken).ConfigureAwait(false));

    /// <summary>Undoes a move. If the old replica has left already, the move finishes instead.</summary>
    public async Task<KvMove> CancelMoveAsync(int shard, CancellationToken cancellationToken = default) =>
        KvMove.From(await Calls.CancelMoveAsync(shard, cancellationToken).ConfigureAwait(false));

    /// <returns>The moves under way, by shard, as one node sees them.</returns>
    public async Task<IReadOnlyList<KvMove>> ListMovesAsync(CancellationToken cancellationToken = default) =>
        [.. (await Calls.ListMovesAsync(cancellationToken).ConfigureAwait(false)).Moves.Select(KvMove.From)];

    public async Task<KvOperators> ListOperatorsAsync(bool history = false, CancellationToken cancellationToken = default) =>
        KvOperators.From(await Calls.ListOperatorsAsync(history, cancellationToken).ConfigureAwait(false));

    /// <summary>Drops a waiting move, or undoes a running one.</summary>
    /// <param name="number">0: all.</param>
    /// <returns>How many moves it cancelled.</returns>
    public async Task<int> CancelOperatorAsync(long number, CancellationToken cancellationToken = default) =>
        (await Calls.CancelOperatorAsync(number, cancellationToken).ConfigureAwait(false)).Operators;

    /// <summary>Keeps a waiting move from starting, or releases it.</summary>
    /// <param name="number">0: all, future ones included.</param>
    /// <returns>How many moves it changed.</returns>
    public async Task<int> HoldOperatorAsync(long number, bool resume = false, CancellationToken cancellationToken = default) =>
        (await Calls.HoldOperatorAsync(number, resume, cancellationToken).ConfigureAwait(false)).Operators;

    // ---- schedulers ----

    public async Task<IReadOnlyList<KvScheduler>> ListSchedulersAsync(CancellationToken cancellationToken = default) =>
        [.. (await Calls.ListSchedulersAsync(cancellationToken).ConfigureAwait(false)).Schedulers.Select(KvScheduler.From)];

    /// <summary>Pauses a scheduler. What it has begun continues.</summary>
    /// <param name="duration">null: until it is resumed.</param>
    /// <exception cref="KvException">Reason INVALID_REQUEST if the scheduler does not exist, among others.</exception>
    public async Task<KvScheduler> PauseSchedulerAsync(string name, TimeSpan? duration = null, CancellationToken cancellationToken = default) =>
        KvScheduler.From((await Calls.PauseSchedulerAsync(name, duration, cancellationToken).ConfigureAwait(false)).Scheduler);

    /// <exception cref="KvException">Reason INVALID_REQUEST if the scheduler does not exist, among others.</exception>
    public async Task<KvScheduler> ResumeSchedulerAsync(string name, CancellationToken cancellationToken = default) =>
        KvScheduler.From((await Calls.ResumeSchedulerAsync(name, cancellationToken).ConfigureAwait(false)).Scheduler);

    public async Task<KvSchedulerConfig> GetSchedulerConfigAsync(CancellationToken cancellationToken = default) =>
        KvSchedulerConfig.From(await Calls.GetSchedulerConfigAsync(cancellationToken).ConfigureAwait(false));

    /// <exception cref="KvException">Reason INVALID_REQUEST if a value is out of its bounds, among others.</exception>
    public async Task<KvSchedulerConfig> SetSchedulerConfigAsync(KvSchedulerConfigChange change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return KvSchedulerConfig.From(await Calls.SetSchedulerConfigAsync(change.ToMessage(), cancellationToken).ConfigureAwait(false));
    }

    // ---- the ring ----

    public async Task<KvRing> ShowRingAsync(CancellationToken cancellationToken = default) =>
        KvRing.From(await Calls.ShowRingAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Compares the ring at two epochs.</summary>
    /// <param name="fromEpoch">0: the present ring against the staged plan.</param>
    /// <param name="toEpoch">0: the present.</param>
    /// <exception cref="KvException">Reason INVALID_REQUEST before the record begins, among others.</exception>
    public async Task<KvRingDiff> DiffRingAsync(long fromEpoch = 0, long toEpoch = 0, CancellationToken cancellationToken = default) =>
        KvRingDiff.From(await Calls.DiffRingAsync(fromEpoch, toEpoch, cancellationToken).ConfigureAwait(false));

    // ---- copies of eventual keys, on one node ----

    /// <summary>Reads which hints a node holds for other nodes.</summary>
    public async Task<KvHints> ListHintsAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        KvHints.From(await Calls.ListHintsAsync(endpoint, timeout, cancellationToken).ConfigureAwait(false));

    /// <summary>Drops the hints that a node holds for another. Comparison of copies still finds what the other node lacks.</summary>
    /// <returns>How many it dropped.</returns>
    public async Task<long> DropHintsAsync(string endpoint, string node, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        (await Calls.DropHintsAsync(endpoint, node, timeout, cancellationToken).ConfigureAwait(false)).Dropped;

    /// <summary>Reads how far a node has compared its copies with those of other nodes.</summary>
    /// <param name="keyspace">null: all.</param>
    public async Task<KvRepairStatus> GetRepairStatusAsync(
        string endpoint, string? keyspace = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        KvRepairStatus.From(await Calls.GetRepairStatusAsync(endpoint, keyspace, timeout, cancellationToken).ConfigureAwait(false));

    /// <summary>Pauses the comparison of copies on a node, or resumes it.</summary>
    public Task PauseRepairAsync(string endpoint, bool pause, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Calls.PauseRepairAsync(endpoint, pause, timeout, cancellationToken);

    /// <summary>Starts a comparison of all copies on a node. Returns before it ends.</summary>
    public Task RunRepairAsync(string endpoint, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Calls.RunRepairAsync(endpoint, timeout, cancellationToken);

    /// <summary>Reads the keys of an eventual keyspace with the most siblings on a node.</summary>
    /// <param name="count">1 to 1000.</param>
    public async Task<KvTopSiblings> GetTopSiblingsAsync(
        string endpoint, string keyspace, int count = 10, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        KvTopSiblings.From(await Calls.GetTopSiblingsAsync(endpoint, keyspace, count, timeout, cancellationToken).ConfigureAwait(false));
}
