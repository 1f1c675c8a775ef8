using KvRaft.Topology;

namespace KvRaft.Node.Telemetry;

/// <summary>
/// The log messages of the node, ids 1000 to 1999. Information is a change of role, membership or placement; Debug a request; Trace a
/// message. A retired id is not used again.
/// </summary>
internal static partial class LogMessages
{
    // 1000: the life of a node
    [LoggerMessage(1000, LogLevel.Information, "Node {NodeId} of cluster {ClusterName} ({ClusterId}) starts; data in {Directory}")]
    public static partial void NodeStarts(this ILogger logger, NodeId nodeId, string clusterName, Guid clusterId, string directory);

    [LoggerMessage(1001, LogLevel.Information, "Node {NodeId} serves clients on {PublicEndPoint} and replicas on {RaftEndPoint}")]
    public static partial void NodeServes(this ILogger logger, NodeId nodeId, string publicEndPoint, string raftEndPoint);

    [LoggerMessage(1002, LogLevel.Information, "Node {NodeId} stops")]
    public static partial void NodeStops(this ILogger logger, NodeId nodeId);

    [LoggerMessage(1003, LogLevel.Critical, "Node {NodeId} cannot go on and stops; nothing that was acknowledged is lost")]
    public static partial void NodeFails(this ILogger logger, Exception error, NodeId nodeId);

    [LoggerMessage(1004, LogLevel.Error, "Node {NodeId}: a component failed to stop; the other components are closed")]
    public static partial void StoppingFailed(this ILogger logger, Exception error, NodeId nodeId);

    [LoggerMessage(1005, LogLevel.Information, "Node {NodeId} joined the cluster through {Seed}, at ring epoch {Epoch}")]
    public static partial void NodeJoined(this ILogger logger, NodeId nodeId, string seed, long epoch);

    [LoggerMessage(1006, LogLevel.Information, "Node {NodeId} sent a join request to {Seed} and received no answer: {Why}")]
    public static partial void JoinRetried(this ILogger logger, NodeId nodeId, string seed, string why);

    // 1100: shards and placement
    [LoggerMessage(1100, LogLevel.Information, "Node {NodeId} proposes the first shard map: {Shards} shards, {Replicas} replicas each, {Nodes} nodes")]
    public static partial void ProposesFirstShardMap(this ILogger logger, NodeId nodeId, int shards, int replicas, int nodes);

    [LoggerMessage(1101, LogLevel.Information, "Node {NodeId} follows shard map {Epoch}: opens {Opens} replicas, drops {Drops}")]
    public static partial void FollowsShardMap(this ILogger logger, NodeId nodeId, Epoch epoch, int opens, int drops);

    [LoggerMessage(1102, LogLevel.Debug, "Node {NodeId} opened shard {ShardId}")]
    public static partial void ShardOpened(this ILogger logger, NodeId nodeId, ShardId shardId);

    [LoggerMessage(1103, LogLevel.Information, "Node {NodeId} leads shard {ShardId} in term {Term}")]
    public static partial void LeadsShard(this ILogger logger, NodeId nodeId, ShardId shardId, long term);

    [LoggerMessage(1104, LogLevel.Information, "Node {NodeId} no longer leads shard {ShardId}")]
    public static partial void LeadsShardNoMore(this ILogger logger, NodeId nodeId, ShardId shardId);

    [LoggerMessage(1105, LogLevel.Debug, "The proposal of due work in shard {ShardId} ended with {Status}; the next tick repeats it")]
    public static partial void DueCommandRefused(this ILogger logger, ShardId shardId, Raft.Proposals.ProposalStatus status);

    [LoggerMessage(1106, LogLevel.Information, "Node {NodeId} registers that node {Moved} is now at {PublicAddress} (replicas at {RaftAddress})")]
    public static partial void RegistersAddress(this ILogger logger, NodeId nodeId, NodeId moved, string publicAddress, string raftAddress);

    [LoggerMessage(1107, LogLevel.Error, "Group 0 refused a proposal of node {NodeId}: {Why}")]
    public static partial void PlacementRefused(this ILogger logger, NodeId nodeId, string why);

    [LoggerMessage(1108, LogLevel.Information, "Removing dropped keyspace {KeyspaceId} from shard {ShardId}: {Status}")]
    public static partial void KeyspaceSwept(this ILogger logger, ShardId shardId, uint keyspaceId, Raft.Proposals.ProposalStatus status);

    [LoggerMessage(1109, LogLevel.Information, "Shard {ShardId}: {Step} {Replica}, because {Reason}")]
    public static partial void MoveStep(this ILogger logger, ShardId shardId, string step, Replica replica, string reason);

    [LoggerMessage(1110, LogLevel.Information, "Shard {ShardId}: {Step} answered {Result} after {Milliseconds} ms")]
    public static partial void MoveStepTaken(this ILogger logger, ShardId shardId, string step, string result, double milliseconds);

    [LoggerMessage(1111, LogLevel.Warning, "Shard {ShardId}: a step of its move timed out; its state is read again")]
    public static partial void MoveStepTimedOut(this ILogger logger, ShardId shardId);

    [LoggerMessage(1112, LogLevel.Information, "Node {NodeId} compared its old replica of shard {ShardId} with {Other} at entry {Index}: digest {Digest:x16}, equal: {Equal}")]
    public static partial void DigestCompared(this ILogger logger, NodeId nodeId, ShardId shardId, Replica other, long index, ulong digest, bool equal);

    [LoggerMessage(1113, LogLevel.Warning, "Node {NodeId} could not compare its old replica of shard {ShardId} with another one: {Why}")]
    public static partial void DigestNotCompared(this ILogger logger, NodeId nodeId, ShardId shardId, string why);

    [LoggerMessage(1114, LogLevel.Critical, "Node {NodeId}: the old replica of shard {ShardId} differs from a remaining one; its data is kept in {Directory}")]
    public static partial void ReplicaSetAside(this ILogger logger, NodeId nodeId, ShardId shardId, string directory);

    [LoggerMessage(1115, LogLevel.Information, "Node {NodeId} deletes the remaining data of its replica {Incarnation} of shard {ShardId}, which was not compared with another replica")]
    public static partial void LeftoverFound(this ILogger logger, NodeId nodeId, ShardId shardId, int incarnation);

    [LoggerMessage(1116, LogLevel.Information, "Node {NodeId} dropped its replica {Incarnation} of shard {ShardId}")]
    public static partial void ReplicaDropped(this ILogger logger, NodeId nodeId, ShardId shardId, int incarnation);

    // 1200: disk
    [LoggerMessage(1117, LogLevel.Information, "Removed this node's copies of dropped eventual keyspace {KeyspaceId}")]
    public static partial void EventualKeyspaceSwept(this ILogger logger, uint keyspaceId);

    [LoggerMessage(1200, LogLevel.Warning, "Node {NodeId} has {FreeBytes} bytes left on its data disk, below the reserve of {ReserveBytes}: writes are refused, deletes are accepted")]
    public static partial void DiskNearlyFull(this ILogger logger, NodeId nodeId, long freeBytes, long reserveBytes);

    [LoggerMessage(1201, LogLevel.Information, "Node {NodeId} has {FreeBytes} bytes left on its data disk again (reserve {ReserveBytes}): writes are accepted")]
    public static partial void DiskHasRoom(this ILogger logger, NodeId nodeId, long freeBytes, long reserveBytes);

    // 1360: repair of replicas
    [LoggerMessage(1360, LogLevel.Warning, "Node {NodeId} closes its replica of shard {ShardId} and opens it again ({Loss}): {Reason}")]
    public static partial void ReplicaReopens(this ILogger logger, NodeId nodeId, ShardId shardId, Raft.Consensus.ReplicaLoss loss, string reason);

    [LoggerMessage(1361, LogLevel.Error, "Node {NodeId} set the damaged state of its replica of shard {ShardId} aside in {Directory}; it is kept until the replica was rebuilt from the others")]
    public static partial void ReplicaDamagedSetAside(this ILogger logger, NodeId nodeId, ShardId shardId, string directory);

    [LoggerMessage(1362, LogLevel.Warning, "Node {NodeId} cannot open its replica of shard {ShardId}: {Reason}")]
    public static partial void ReplicaNotOpened(this ILogger logger, NodeId nodeId, ShardId shardId, string reason);

    [LoggerMessage(1363, LogLevel.Information, "Node {NodeId} has a complete replica of shard {ShardId} again and deleted the damaged state")]
    public static partial void ReplicaRepaired(this ILogger logger, NodeId nodeId, ShardId shardId);

    [LoggerMessage(1364, LogLevel.Warning, "Node {NodeId} could not delete the remaining data of a replica; it repeats the deletion: {Reason}")]
    public static partial void LeftoverNotDropped(this ILogger logger, NodeId nodeId, string reason);

    [LoggerMessage(1365, LogLevel.Error, "Node {NodeId} set the damaged state of group 0 aside in {Directory} and copies the state of another node: {Reason}")]
    public static partial void PlacementSetAside(this ILogger logger, NodeId nodeId, string directory, string reason);

    [LoggerMessage(1366, LogLevel.Error, "Node {NodeId} has room for {FreeBytes} bytes on its data disk, below {CriticalBytes}: its replicas accept no entries from leaders until there is space; votes and configurations are accepted")]
    public static partial void DiskCritical(this ILogger logger, NodeId nodeId, long freeBytes, long criticalBytes);

    [LoggerMessage(1367, LogLevel.Information, "Node {NodeId} has room for {FreeBytes} bytes on its data disk again (critical below {CriticalBytes}): its replicas accept entries")]
    public static partial void DiskNoLongerCritical(this ILogger logger, NodeId nodeId, long freeBytes, long criticalBytes);

    // 1250: the placement driver
    [LoggerMessage(1250, LogLevel.Information, "Placement: {What}")]
    public static partial void PlacementActs(this ILogger logger, string what);

    [LoggerMessage(1251, LogLevel.Warning, "Placement: {What} was not done: {Why}")]
    public static partial void PlacementActRefused(this ILogger logger, string what, string why);

    [LoggerMessage(1252, LogLevel.Information, "Node {Heard} is {Health}")]
    public static partial void NodeHealthChanged(this ILogger logger, NodeId heard, Placement.Planning.NodeHealthState health);

    [LoggerMessage(1253, LogLevel.Warning, "Placement: {Operator} has made no progress for {Seconds} s: {Why}")]
    public static partial void OperatorStalled(this ILogger logger, string @operator, long seconds, string why);

    // 1330: answers, memory
    [LoggerMessage(1330, LogLevel.Warning, "Node {NodeId} ended {Answers} answers that their clients had not read for {Seconds} s")]
    public static partial void AnswersStalled(this ILogger logger, NodeId nodeId, int answers, double seconds);

    // 1300: requests
    [LoggerMessage(1300, LogLevel.Error, "Request {Method} failed with an unexpected exception")]
    public static partial void RequestFaulted(this ILogger logger, Exception error, string method);

    [LoggerMessage(1340, LogLevel.Warning, "{Count} eventual records with expired values cannot be read and are not removed; reads and writes of them fail, other keys are not affected")]
    public static partial void EventualRecordsDamaged(this ILogger logger, int count);

    // 1507: the store of eventual keys
    [LoggerMessage(1507, LogLevel.Error, "Node {NodeId}: the store of eventual keys is damaged and set aside; its readable records are copied, and the others are fetched from other nodes: {Reason}")]
    public static partial void EventualStoreDamaged(this ILogger logger, NodeId nodeId, string reason);

    [LoggerMessage(1508, LogLevel.Warning, "Node {NodeId}: the disk of the store of eventual keys is full; reads are served, and writes are accepted again when there is space: {Reason}")]
    public static partial void EventualStoreFull(this ILogger logger, NodeId nodeId, string reason);

    [LoggerMessage(1509, LogLevel.Information, "Node {NodeId}: the store of eventual keys is open again (set aside {Rebuilds} times since the start, {RecordsLost} records or ranges of records not readable)")]
    public static partial void EventualStoreOpen(this ILogger logger, NodeId nodeId, int rebuilds, long recordsLost);

    [LoggerMessage(1510, LogLevel.Warning, "Node {NodeId}: {Count} records of eventual keys could not be read and were set aside since the start; they are fetched from other nodes")]
    public static partial void EventualRecordsSetAside(this ILogger logger, NodeId nodeId, int count);

    [LoggerMessage(1511, LogLevel.Information, "Node {NodeId}: the store of eventual keys is complete again, and the damaged files were deleted")]
    public static partial void EventualStoreComplete(this ILogger logger, NodeId nodeId);

    [LoggerMessage(1513, LogLevel.Warning, "Node {NodeId}: the system refuses the store of eventual keys a descriptor, memory or access; it refuses writes and is reopened when the system grants them: {Reason}")]
    public static partial void EventualStoreRefused(this ILogger logger, NodeId nodeId, string reason);

    // 1350: permissions of callers
    [LoggerMessage(1350, LogLevel.Warning, "Node {NodeId} has no cluster secret (clusterSecretFile): every process that reaches its ports can act as a node of the cluster. Give every node the same secret")]
    public static partial void NoClusterSecret(this ILogger logger, NodeId nodeId);

    [LoggerMessage(1351, LogLevel.Warning, "Node {NodeId} accepts nodes that do not prove the cluster secret (clusterSecretRequired is false); set it to true when every node has the secret")]
    public static partial void ClusterSecretOptional(this ILogger logger, NodeId nodeId);

    [LoggerMessage(1352, LogLevel.Warning, "Node {NodeId} accepted a call of {Method} from {Caller} without a proof of the cluster secret; it is accepted while clusterSecretRequired is false ({Suppressed} more since the last line)")]
    public static partial void UnprovenCall(this ILogger logger, NodeId nodeId, string method, string caller, long suppressed);

    [LoggerMessage(1353, LogLevel.Warning, "Node {NodeId} refused a call of {Method} from {Caller}: {Why} ({Suppressed} more since the last line)")]
    public static partial void CallRefused(this ILogger logger, NodeId nodeId, string method, string caller, string why, long suppressed);

    [LoggerMessage(1359, LogLevel.Warning, "Node {NodeId} has {Calls} calls and streams in progress, and limits.callsInProgressMax is {Max}; it refused a call from {Caller} ({Suppressed} more since the last line)")]
    public static partial void CallsFull(this ILogger logger, NodeId nodeId, int calls, int max, string caller, long suppressed);

    [LoggerMessage(1354, LogLevel.Warning, "Node {NodeId}: accepting a connection on {EndPoint} failed; {Connections} are open. Accepting pauses and then continues ({Suppressed} more failures since the last line)")]
    public static partial void AcceptFailed(this ILogger logger, Exception error, NodeId nodeId, string endPoint, int connections, long suppressed);

    [LoggerMessage(1355, LogLevel.Warning, "Node {NodeId}: {Connections} connections are open on {EndPoint}, as many as limits.connectionsMax allows; {What} ({Suppressed} more since the last line)")]
    public static partial void ConnectionsFull(this ILogger logger, NodeId nodeId, int connections, string endPoint, string what, long suppressed);

    [LoggerMessage(EventId = 1356, Message = "{Lines} more lines of event {Event} ({Category}) were suppressed")]
    public static partial void LinesHeldBack(this ILogger logger, LogLevel level, long lines, int @event, string category);

    [LoggerMessage(1357, LogLevel.Information, "Node {NodeId} holds at most {Public} connections of clients, {PerAddress} of one address, and {Raft} of nodes; the process may have {Descriptors} descriptors")]
    public static partial void ConnectionLimits(this ILogger logger, NodeId nodeId, int @public, int perAddress, int raft, long descriptors);

    [LoggerMessage(1487, LogLevel.Warning, "Node {NodeId}: {Connections} connections of {Address} are open on {EndPoint}, as many as limits.connectionsPerAddressMax allows; {What} ({Suppressed} more since the last line)")]
    public static partial void ConnectionsOfAddressFull(this ILogger logger, NodeId nodeId, int connections, string address, string endPoint, string what, long suppressed);

    [LoggerMessage(1358, LogLevel.Warning, "Node {NodeId} keeps its replica of shard {ShardId}, incarnation {Incarnation}, although the shard map does not name it: {Why} ({Suppressed} more since the last line)")]
    public static partial void ReplicaKept(this ILogger logger, NodeId nodeId, ShardId shardId, int incarnation, string why, long suppressed);

    [LoggerMessage(1512, LogLevel.Information, "Node {NodeId} had no work and gave memory back: resident {Before} MiB before, {After} MiB after; the managed heap has {Heap} MiB, write buffers {Buffers} MiB")]
    public static partial void MemoryGivenBack(this ILogger logger, NodeId nodeId, long before, long after, long heap, long buffers);
}
