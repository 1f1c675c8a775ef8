using System.Globalization;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// A few keys at a time, each replaced by a new one after so many operations: the cost of judging a key grows with its open operations.
/// Safe for many threads.
/// </summary>
/// <param name="prefix">The prefix of every key.</param>
/// <param name="slots">Keys in use at a time.</param>
/// <param name="operationsPerKey">Uses before a key is replaced; Jepsen's usual range is 100 to 500.</param>
internal sealed class KeyTurns(string prefix, int slots, int operationsPerKey)
{
    private readonly Lock _lock = new();
    private readonly int[] _generation = new int[slots];
    private readonly int[] _uses = new int[slots];
    private readonly List<string> _all = [];

    /// <summary>Every key ever used, in the order of first use.</summary>
    public IReadOnlyList<string> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    public string Next(Random random) => Next(random.Next(slots));

    public string Next(int slot)
    {
        lock (_lock)
        {
            if (_uses[slot]++ == operationsPerKey)
            {
                _generation[slot]++;
                _uses[slot] = 1;
            }

            var key = string.Create(CultureInfo.InvariantCulture, $"{prefix}{slot}.{_generation[slot]}");
            if (_uses[slot] == 1)
            {
                _all.Add(key);
            }

            return key;
        }
    }
}
