using System.Collections.Concurrent;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Proxies;

/// <summary>
/// Every answer that any proxy received from a node, by the name of the write. All answers to one name must be equal, and at most one of
/// them may claim to be the first: a write that was sent twice was applied once, and the answer to the repetition is flagged as one.
/// </summary>
internal sealed class AnswerLedger
{
    private readonly ConcurrentDictionary<(string Client, long Sequence), Entry> _entries = new();
    private readonly ConcurrentQueue<string> _violations = new();
    private long _repeated;

    /// <summary>The contradictions to exactly-once, as text; empty if there are none.</summary>
    public IReadOnlyCollection<string> Violations => _violations;

    /// <summary>How many writes were answered at least once.</summary>
    public int Writes => _entries.Count;

    /// <summary>How many answers were flagged as repetitions.</summary>
    public long Repeated => Volatile.Read(ref _repeated);

    public void Note(RequestIdentity identity, IncrementResponse answer)
    {
        var name = (identity.ClientId.ToBase64(), identity.Sequence);
        var entry = _entries.GetOrAdd(name, static (_, first) => new Entry(first.Value, first.Version), answer);
        if (entry.Value != answer.Value || entry.Version != answer.Version)
        {
            _violations.Enqueue($"{name} was answered {entry.Value} (version {entry.Version}), then {answer.Value} (version {answer.Version}).");
        }

        if (answer.Header.Deduplicated)
        {
            Interlocked.Increment(ref _repeated);
        }
        else if (Interlocked.Increment(ref entry.Firsts) > 1)
        {
            _violations.Enqueue($"{name} was answered twice as the first attempt.");
        }
    }

    private sealed class Entry(long value, long version)
    {
        public int Firsts;

        public long Value { get; } = value;

        public long Version { get; } = version;
    }
}
