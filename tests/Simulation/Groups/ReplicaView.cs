using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The state of a running replica at one moment, read from its log, its ballot and its state machine.</summary>
/// <param name="Role">Follower, candidate or leader.</param>
/// <param name="IsWaiting">A request waits for the disk.</param>
/// <param name="IsAside">The replica stands aside for a candidate.</param>
/// <param name="Term">The term of the ballot.</param>
/// <param name="Vote">The replica that the ballot names; null: none.</param>
/// <param name="Start">The position before the first entry of the log.</param>
/// <param name="Entries">The entries of the log, on disk or not yet.</param>
/// <param name="DurableIndex">The last entry on disk.</param>
/// <param name="CommitIndex">The commit index.</param>
/// <param name="AppliedIndex">The last entry that the state machine has applied.</param>
/// <param name="Voters">The voters in force.</param>
internal sealed record ReplicaView(
    string Role,
    bool IsWaiting,
    bool IsAside,
    long Term,
    int? Vote,
    LogPosition Start,
    IReadOnlyList<LogEntry> Entries,
    long DurableIndex,
    long CommitIndex,
    long AppliedIndex,
    IReadOnlyList<int> Voters);
