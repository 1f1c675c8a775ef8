namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The versions of one list. A list that only grows shows its whole past in every read, so the longest read is the version order, and every append
/// that took effect and is missing in it came later (Kingsbury and Alvaro, <i>Elle</i>, 2020, section 4: traceable, recoverable objects).
/// </summary>
internal sealed class ListVersions(string key)
{
    public string Key { get; } = key;

    /// <summary>The transaction that requested to append an element, with any outcome.</summary>
    public Dictionary<string, Transaction> Writers { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads of committed transactions.</summary>
    public List<(Transaction Reader, ReadStep Step)> Reads { get; } = [];

    /// <summary>The longest read.</summary>
    public IReadOnlyList<string> Order { get; private set; } = [];

    public HashSet<string> Observed { get; } = new(StringComparer.Ordinal);

    /// <summary>All lists by key; also marks the open transactions that took effect.</summary>
    public static SortedDictionary<string, ListVersions> PerKey(IReadOnlyList<Transaction> transactions)
    {
        var lists = new SortedDictionary<string, ListVersions>(StringComparer.Ordinal);
        foreach (var transaction in transactions)
        {
            foreach (var step in transaction.Steps)
            {
                if (!lists.TryGetValue(step.Key, out var list))
                {
                    lists.Add(step.Key, list = new ListVersions(step.Key));
                }

                list.Add(transaction, step);
            }
        }

        foreach (var list in lists.Values)
        {
            foreach (var element in list.Observed)
            {
                if (list.Writers.TryGetValue(element, out var writer) && !writer.Aborted)
                {
                    writer.TookEffect = true;
                }
            }
        }

        return lists;
    }

    /// <summary>True if the read fits the version order.</summary>
    public bool IsPrefix(ReadStep read)
    {
        var elements = read.Elements!;
        if (elements.Count > Order.Count)
        {
            return false;
        }

        for (var place = 0; place < elements.Count; place++)
        {
            if (elements[place] != Order[place])
            {
                return false;
            }
        }

        return true;
    }

    private void Add(Transaction transaction, TransactionStep step)
    {
        switch (step)
        {
            case AppendStep append:
                Writers.Add(append.Element, transaction);
                break;
            case ReadStep { Elements: { } elements } read when transaction.Committed:
                Reads.Add((transaction, read));
                Observed.UnionWith(elements);
                if (elements.Count > Order.Count)
                {
                    Order = elements;
                }

                break;
        }
    }
}
