using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>What replicas say to each other.</summary>
internal abstract record Message(int From, int To);

internal sealed record VoteRequest(int From, int To, long Term, LogPosition Last) : Message(From, To);

/// <param name="From">The voter.</param>
/// <param name="To">The candidate.</param>
/// <param name="Term">The voter's.</param>
/// <param name="Asked">The term it was asked in.</param>
/// <param name="Granted">The candidate has its vote.</param>
internal sealed record VoteAnswer(int From, int To, long Term, long Asked, bool Granted) : Message(From, To);

/// <param name="From">The leader.</param>
/// <param name="To">The follower.</param>
/// <param name="Request">The number of the request on its connection.</param>
/// <param name="Term">The leader's.</param>
/// <param name="Previous">What the entries follow.</param>
/// <param name="Entries">None: a heartbeat.</param>
/// <param name="CommitIndex">The leader's.</param>
internal sealed record AppendRequest(int From, int To, long Request, long Term, LogPosition Previous, IReadOnlyList<LogEntry> Entries, long CommitIndex) : Message(From, To);

/// <param name="From">The follower.</param>
/// <param name="To">The leader.</param>
/// <param name="Request">The number of the request.</param>
/// <param name="Term">The follower's.</param>
/// <param name="Result">Whether it took the entries, and whether one of them is of the leader's term.</param>
/// <param name="LastIndex">The last entry of a log that does not have the one that the entries follow.</param>
internal sealed record AppendAnswer(int From, int To, long Request, long Term, HeartbeatResult Result, long LastIndex) : Message(From, To);

/// <summary>Is the other one in no later term?</summary>
internal sealed record TermAsked(int From, int To, long Term, long Round) : Message(From, To);

internal sealed record TermSaid(int From, int To, long Round, bool IsStillIn) : Message(From, To);
