namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Configurations of which none dominates another, in the order in which they were found. Chained hashing over one list; cleared and reused for every
/// event, so that a key causes few allocations.
/// </summary>
internal sealed class ConfigurationSet
{
    private const int None = -1;
    private const int HeadsMin = 16;

    // One event with many configurations must not make all later clears expensive; 1,024 heads are one 4 KiB page.
    private const int HeadsKeptMax = 1024;

    private readonly List<(Configuration Configuration, int Next, bool Gone)> _entries = [];
    private int[] _heads = NewHeads(HeadsMin);
    private int _gone;

    public int Count => _entries.Count - _gone;

    public void Clear()
    {
        _entries.Clear();
        _gone = 0;
        if (_heads.Length > HeadsKeptMax)
        {
            _heads = NewHeads(HeadsMin);
        }
        else
        {
            Array.Fill(_heads, None);
        }
    }

    /// <summary>False if an existing configuration dominates it; otherwise the configurations that it dominates are removed.</summary>
    public bool Add(in Configuration added)
    {
        var head = added.BucketHash() & (_heads.Length - 1);
        for (var place = _heads[head]; place != None; place = _entries[place].Next)
        {
            var (known, next, gone) = _entries[place];
            if (gone)
            {
                continue;
            }

            if (known.Dominates(added))
            {
                return false;
            }

            if (added.Dominates(known))
            {
                _entries[place] = (known, next, true);
                _gone++;
            }
        }

        _entries.Add((added, _heads[head], false));
        _heads[head] = _entries.Count - 1;
        if (_entries.Count > _heads.Length)
        {
            Rehash();
        }

        return true;
    }

    public void CopyTo(List<Configuration> target)
    {
        target.Clear();
        foreach (var (configuration, _, gone) in _entries)
        {
            if (!gone)
            {
                target.Add(configuration);
            }
        }
    }

    private static int[] NewHeads(int length)
    {
        var heads = new int[length];
        Array.Fill(heads, None);
        return heads;
    }

    private void Rehash()
    {
        _heads = NewHeads(_heads.Length * 2);
        for (var place = 0; place < _entries.Count; place++)
        {
            var (configuration, _, gone) = _entries[place];
            var head = configuration.BucketHash() & (_heads.Length - 1);
            _entries[place] = (configuration, _heads[head], gone);
            _heads[head] = place;
        }
    }
}
