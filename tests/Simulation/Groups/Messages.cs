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

internal sealed record AppendRequest(int From, int To, long Term, LogPosition Previous, IReadOnlyList<LogEntry> Entries, long CommitIndex) : Message(From, To);

/// <param name="From">The follower.</param>
/// <param name="To">The leader.</param>
/// <param name="Term">The follower's.</param>
/// <param name="Asked">The leader's when it sent the entries.</param>
/// <param name="Matches">The follower has them all.</param>
/// <param name="Index">If so, up to here; if not, the last that may be the same.</param>
internal sealed record AppendAnswer(int From, int To, long Term, long Asked, bool Matches, long Index) : Message(From, To);

/// <summary>Is the other one in no later term?</summary>
internal sealed record TermAsked(int From, int To, long Term, long Round) : Message(From, To);

internal sealed record TermSaid(int From, int To, long Round, bool IsStillIn) : Message(From, To);
