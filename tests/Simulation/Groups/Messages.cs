using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>A message from one replica to another.</summary>
internal abstract record Message(int From, int To);

internal sealed record VoteRequest(int From, int To, long Term, LogPosition Last) : Message(From, To);

/// <param name="From">The voter.</param>
/// <param name="To">The candidate.</param>
/// <param name="Term">The term of the voter.</param>
/// <param name="Asked">The term of the request.</param>
/// <param name="Granted">The candidate has the vote.</param>
internal sealed record VoteAnswer(int From, int To, long Term, long Asked, bool Granted) : Message(From, To);

/// <param name="From">The leader.</param>
/// <param name="To">The follower.</param>
/// <param name="Request">The number of the request on its connection.</param>
/// <param name="Term">The term of the leader.</param>
/// <param name="Previous">The position before the first entry.</param>
/// <param name="Entries">Empty: a heartbeat.</param>
/// <param name="CommitIndex">The commit index of the leader.</param>
internal sealed record AppendRequest(int From, int To, long Request, long Term, LogPosition Previous, IReadOnlyList<LogEntry> Entries, long CommitIndex) : Message(From, To);

/// <param name="From">The follower.</param>
/// <param name="To">The leader.</param>
/// <param name="Request">The number of the request.</param>
/// <param name="Term">The term of the follower.</param>
/// <param name="Result">Whether the follower appended the entries, and whether one of them is of the leader's term.</param>
/// <param name="LastIndex">The last index of the follower's log. The leader uses it if the log does not hold the previous position.</param>
internal sealed record AppendAnswer(int From, int To, long Request, long Term, HeartbeatResult Result, long LastIndex) : Message(From, To);

/// <summary>A request for a quorum confirmation: has the receiver seen no higher term?</summary>
internal sealed record TermRequest(int From, int To, long Term, long Round) : Message(From, To);

internal sealed record TermAnswer(int From, int To, long Round, bool IsConfirmed) : Message(From, To);

/// <summary>A query of a leader before it transfers leadership.</summary>
internal sealed record StatusRequest(int From, int To) : Message(From, To);

internal sealed record StatusAnswer(int From, int To, bool IsVoter, long LastIndex, long AppliedIndex) : Message(From, To);

/// <summary>The receiver shall not campaign until a leader of a higher term exists.</summary>
internal sealed record StandAsideRequest(int From, int To) : Message(From, To);

/// <summary>The receiver shall campaign at once.</summary>
internal sealed record CampaignRequest(int From, int To) : Message(From, To);
