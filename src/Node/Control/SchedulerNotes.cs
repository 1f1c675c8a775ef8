using System.Collections.Concurrent;
using KvRaft.Placement.State;

namespace KvRaft.Node.Control;

/// <summary>The last action of each scheduler, or the reason why it does not act, for operators; present on the leader of group 0. Thread-safe.</summary>
internal sealed class SchedulerNotes
{
    private readonly ConcurrentDictionary<SchedulerKind, string> _notes = new();

    public void Set(SchedulerKind scheduler, string note) => _notes[scheduler] = note;

    /// <summary>Empty: it has done nothing yet.</summary>
    public string Of(SchedulerKind scheduler) => _notes.GetValueOrDefault(scheduler, "");
}
