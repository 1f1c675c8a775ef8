using System.Collections.Concurrent;
using KvRaft.Placement.State;

namespace KvRaft.Node.Control;

/// <summary>What each scheduler did last, or what keeps it, for people; known where group 0 is led. Thread-safe.</summary>
internal sealed class SchedulerNotes
{
    private readonly ConcurrentDictionary<SchedulerKind, string> _notes = new();

    public void Set(SchedulerKind scheduler, string note) => _notes[scheduler] = note;

    /// <summary>Empty: it has done nothing yet.</summary>
    public string Of(SchedulerKind scheduler) => _notes.GetValueOrDefault(scheduler, "");
}
