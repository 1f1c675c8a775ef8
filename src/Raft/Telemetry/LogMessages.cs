using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Telemetry;

/// <summary>Log messages of the Raft component. Event ids 2000 to 2499; retired ids are not used again. The messages of the node's log are in <c>Log/</c>.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(2000, LogLevel.Information, "Group {GroupId}: term {Term}, leader {Leader}")]
    public static partial void LeaderChanged(ILogger logger, int groupId, long term, string leader);

    [LoggerMessage(2001, LogLevel.Information, "Group {GroupId}: configuration of index {Index} is in force")]
    public static partial void ConfigurationSaved(ILogger logger, int groupId, long index);

    [LoggerMessage(2002, LogLevel.Debug, "A proposal was not appended: {Reason}")]
    public static partial void ProposalNotAppended(ILogger logger, string reason);

    [LoggerMessage(2003, LogLevel.Information, "The outcome of the proposals at index {Index} is unknown for now: {Reason}")]
    public static partial void ProposalOpen(ILogger logger, long index, string reason);

    [LoggerMessage(2004, LogLevel.Critical, "Group {GroupId}: applying after index {Index} failed; the replica stops")]
    public static partial void ApplyFailed(ILogger logger, int groupId, long index, Exception error);

    [LoggerMessage(2005, LogLevel.Critical, "Group {GroupId}: the replica has stopped")]
    public static partial void ReplicaFailed(ILogger logger, int groupId, Exception error);

    [LoggerMessage(2006, LogLevel.Error, "Group {GroupId}: the replica does not vote or serve: {Reason}. It is rebuilt from the other replicas")]
    public static partial void ReplicaDamaged(ILogger logger, int groupId, string reason);

    [LoggerMessage(2007, LogLevel.Information, "Group {GroupId}: the replica was rebuilt and takes part again")]
    public static partial void ReplicaRebuilt(ILogger logger, int groupId);

    [LoggerMessage(2008, LogLevel.Information, "Group {GroupId}: a checkpoint at index {Index} was installed")]
    public static partial void CheckpointInstalled(ILogger logger, int groupId, long index);

    [LoggerMessage(2009, LogLevel.Information, "Checkpoint {Id} at index {Index}: {Files} files, {Bytes} bytes")]
    public static partial void CheckpointOffered(ILogger logger, string id, long index, int files, long bytes);

    [LoggerMessage(2010, LogLevel.Information, "Group {GroupId}: fetching a checkpoint at index {Index}, {Bytes} bytes ({Copied} already copied), from {NodeId}")]
    public static partial void CheckpointFetching(ILogger logger, int groupId, string nodeId, long index, long bytes, long copied);

    [LoggerMessage(2011, LogLevel.Information, "Group {GroupId}: fetched a checkpoint at index {Index}, {Bytes} bytes, from {NodeId} in {Milliseconds} ms")]
    public static partial void CheckpointFetched(ILogger logger, int groupId, string nodeId, long index, long bytes, double milliseconds);

    [LoggerMessage(2012, LogLevel.Information, "Group {GroupId}: replication to {NodeId} continues from index {Index}")]
    public static partial void MemberNudged(ILogger logger, int groupId, string nodeId, long index);

    [LoggerMessage(2013, LogLevel.Information, "Group {GroupId}: catch-up is delayed: {Reason} ({Suppressed} more since the last line)")]
    public static partial void RescueDelayed(ILogger logger, int groupId, string reason, long suppressed);

    [LoggerMessage(2014, LogLevel.Debug, "Group {GroupId} pins the oldest log segment; its log is truncated up to index {Index}")]
    public static partial void LogPinned(ILogger logger, int groupId, long index);

    [LoggerMessage(2015, LogLevel.Error, "Group {GroupId}: flushing the state failed")]
    public static partial void FlushFailed(ILogger logger, int groupId, Exception error);

    [LoggerMessage(2016, LogLevel.Warning, "Accepting a connection on the Raft port failed; {Connections} are open. The node pauses and tries again ({Suppressed} more failures since the last line)")]
    public static partial void AcceptFailed(ILogger logger, int connections, long suppressed, Exception error);

    [LoggerMessage(2017, LogLevel.Debug, "A peer's connection ended: {Reason}")]
    public static partial void ConnectionEnded(ILogger logger, string reason);

    [LoggerMessage(EventId = 2018, Message = "Refused a connection of node {NodeId} to '{Target}': {Reason} ({Suppressed} more refusals since the last line)")]
    public static partial void HandshakeRefused(ILogger logger, LogLevel level, string nodeId, string target, string reason, long suppressed);

    [LoggerMessage(2019, LogLevel.Information, "Declined a peer's {Kind}: {Reason} ({Suppressed} more since the last line)")]
    public static partial void PeerRequestDeclined(ILogger logger, string kind, string reason, long suppressed);

    [LoggerMessage(2020, LogLevel.Information, "Group {GroupId}: leadership was offered to {NodeId}")]
    public static partial void LeadershipHandedOver(ILogger logger, int groupId, string nodeId);

    [LoggerMessage(2021, LogLevel.Information, "Group {GroupId}: the replica of incarnation {Incarnation} was deleted from this node")]
    public static partial void ReplicaDropped(ILogger logger, int groupId, int incarnation);

    [LoggerMessage(2022, LogLevel.Information, "The process of node {NodeId} has ended")]
    public static partial void NodeGone(ILogger logger, string nodeId);

    [LoggerMessage(2023, LogLevel.Information, "Group {GroupId}: campaigns at once: {Reason}")]
    public static partial void LeaderSucceeded(ILogger logger, int groupId, string reason);

    [LoggerMessage(2024, LogLevel.Information, "Group {GroupId}: pulled entries up to {Index} of {Committed} from {NodeId}")]
    public static partial void EntriesPulled(ILogger logger, int groupId, long index, long committed, string nodeId);

    [LoggerMessage(2025, LogLevel.Information, "Node {NodeId} does not answer")]
    public static partial void NodeSilent(ILogger logger, string nodeId);

    [LoggerMessage(2026, LogLevel.Information, "Node {NodeId} answers again")]
    public static partial void NodeHeard(ILogger logger, string nodeId);

    [LoggerMessage(2046, LogLevel.Information, "Node {NodeId} has the cluster time {Time:O}, compared with {Known} nodes")]
    public static partial void ClusterTimeSettled(ILogger logger, string nodeId, DateTimeOffset time, int known);

    [LoggerMessage(2047, LogLevel.Warning, "The wall clock of node {NodeId} is {Seconds:0.0} s ahead of the median of {Nodes} nodes: check its time synchronisation. It leads no group that another node can lead")]
    public static partial void ClockSkewed(ILogger logger, string nodeId, double seconds, int nodes);

    [LoggerMessage(2048, LogLevel.Information, "The wall clock of node {NodeId} agrees with the other nodes again")]
    public static partial void ClockRightAgain(ILogger logger, string nodeId);

    [LoggerMessage(2049, LogLevel.Warning, "No majority of the nodes agrees about the time: check time synchronisation. Distances from the median: {Offsets}. Until then values expire by the leaders' monotonic clocks")]
    public static partial void ClocksDisagree(ILogger logger, string offsets);

    [LoggerMessage(2050, LogLevel.Information, "Group {GroupId}: leadership is transferred to {NodeId}, because the wall clock of this node is wrong")]
    public static partial void LeadershipLeftForClock(ILogger logger, int groupId, string nodeId);

    [LoggerMessage(2086, LogLevel.Error, "Group {GroupId}: the state of this replica is lost ({Reason}). Its log is complete from index {Start} to {Last}: the replica votes and acknowledges, and copies a state from another replica before it serves")]
    public static partial void ReplicaStateLost(ILogger logger, int groupId, string reason, long start, long last);

    [LoggerMessage(2087, LogLevel.Warning, "Group {GroupId}: no state can be copied yet: {Reason}")]
    public static partial void RestoreDelayed(ILogger logger, int groupId, string reason);

    [LoggerMessage(2088, LogLevel.Debug, "Group {GroupId}: one run of housekeeping was skipped: {Reason}")]
    public static partial void HousekeepingSkipped(ILogger logger, int groupId, string reason);

    [LoggerMessage(2097, LogLevel.Information, "Node {NodeId} runs in generation {Generation}; its log began with batch {LogBatch}")]
    public static partial void RunMet(ILogger logger, string nodeId, long generation, long logBatch);

    [LoggerMessage(2098, LogLevel.Warning, "The record of other nodes' runs cannot be saved in '{Path}' and is kept in memory: {Reason}")]
    public static partial void RunsNotSaved(ILogger logger, string? path, string reason);

    [LoggerMessage(2099, LogLevel.Warning, "'{Path}' is damaged: the record of other nodes' runs is lost, and this node does not detect an older copy of their directories")]
    public static partial void RunsDamaged(ILogger logger, string? path);

    [LoggerMessage(2100, LogLevel.Error, "Node {NodeId} refuses this node permanently: {Verdict}")]
    public static partial void RunRefused(ILogger logger, string nodeId, string verdict);

    [LoggerMessage(2101, LogLevel.Debug, "Group {GroupId}: the digests of {Answered} of {Voters} voters at index {Index} are equal")]
    public static partial void DigestsEqual(ILogger logger, int groupId, long index, int answered, int voters);

    [LoggerMessage(2102, LogLevel.Error, "Group {GroupId}: the replicas differ at index {Index}: {Digests}")]
    public static partial void DigestsDiffer(ILogger logger, int groupId, long index, string digests);

    [LoggerMessage(2103, LogLevel.Information, "Group {GroupId}: the replicas were not compared: {Reason}")]
    public static partial void DigestsNotCompared(ILogger logger, int groupId, string reason);

    [LoggerMessage(2077, LogLevel.Error, "A fault in this node ended a connection on the Raft port ({Suppressed} more since the last line)")]
    public static partial void ConnectionFaulted(ILogger logger, long suppressed, Exception error);

    [LoggerMessage(2078, LogLevel.Warning, "Node {NodeId} connected without a proof of the cluster secret; it is accepted while clusterSecretRequired is false ({Suppressed} more since the last line)")]
    public static partial void UnprovenAccepted(ILogger logger, string nodeId, long suppressed);

    [LoggerMessage(2079, LogLevel.Warning, "Group {GroupId}: refused a Raft message ({What}) of term {MessageTerm}; this replica is in term {Term}. No replica of this cluster sends such a message, unless this replica was away for very long ({Suppressed} more since the last line)")]
    public static partial void RaftMessageRefused(ILogger logger, int groupId, string what, long messageTerm, long term, long suppressed);

    [LoggerMessage(2253, LogLevel.Warning, "Group {GroupId}: the search for a leader ended with a fault; it is repeated when the leader is missed again")]
    public static partial void LeaderSearchFailed(ILogger logger, int groupId, Exception error);

    [LoggerMessage(2254, LogLevel.Warning, "Group {GroupId}: the leadership transfer ended with a fault; it is repeated while this replica leads and cannot serve")]
    public static partial void HandOverFailed(ILogger logger, int groupId, Exception error);

    [LoggerMessage(2223, LogLevel.Error, "An unhandled exception ended the background work '{Work}'; its replica, or the node, stops")]
    public static partial void BackgroundFaulted(ILogger logger, string work, Exception error);

    [LoggerMessage(2224, LogLevel.Debug, "The background work '{Work}' ended while its owner closes: {Reason}")]
    public static partial void BackgroundEnded(ILogger logger, string work, string reason);
}
