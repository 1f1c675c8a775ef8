namespace KvRaft.Chaos.Checkers;

/// <summary>The reason why one transaction must come before another. The flags form masks for searches.</summary>
[Flags]
internal enum DependencyKinds
{
    None = 0,

    /// <summary>ww: the second overwrote (here: appended right after) the write of the first.</summary>
    WriteWrite = 1,

    /// <summary>wr: the second read the write of the first.</summary>
    WriteRead = 2,

    /// <summary>rw: the first read a state that the second changed. Also called an anti-dependency.</summary>
    ReadWrite = 4,

    /// <summary>rt: the first ended before the second started.</summary>
    RealTime = 8,
}

/// <param name="From">Id of the transaction that comes first.</param>
/// <param name="To">Id of the transaction that comes second.</param>
/// <param name="Kind">Exactly one kind.</param>
/// <param name="Key">The list; <c>null</c> for real time.</param>
/// <param name="Element">The element that proves the dependency; <c>null</c> for real time.</param>
internal readonly record struct Dependency(int From, int To, DependencyKinds Kind, string? Key, string? Element);

/// <summary>Direct dependencies between the transactions that took effect (Adya 1999, chapter 4), plus real time.</summary>
internal sealed class DependencyGraph
{
    private readonly List<Dependency>[] _outgoing;
    private readonly HashSet<(int From, int To, DependencyKinds Kind)> _known = [];

    private DependencyGraph(IReadOnlyList<Transaction> transactions)
    {
        Transactions = transactions;
        _outgoing = new List<Dependency>[transactions.Count];
        for (var id = 0; id < _outgoing.Length; id++)
        {
            _outgoing[id] = [];
        }
    }

    public IReadOnlyList<Transaction> Transactions { get; }

    public int DependencyCount => _known.Count;

    /// <summary>Ordered by kind, strongest first, so that searches prefer the strongest dependency.</summary>
    public IReadOnlyList<Dependency> From(int id) => _outgoing[id];

    public static DependencyGraph Build(IReadOnlyList<Transaction> transactions, IEnumerable<ListVersions> lists)
    {
        var graph = new DependencyGraph(transactions);
        foreach (var list in lists)
        {
            graph.AddWrites(list);
            graph.AddReads(list);
        }

        graph.AddRealTime();
        foreach (var outgoing in graph._outgoing)
        {
            outgoing.Sort((one, other) => (one.Kind, one.To).CompareTo((other.Kind, other.To)));
        }

        return graph;
    }

    private void AddWrites(ListVersions list)
    {
        Transaction? before = null;
        foreach (var element in list.Order)
        {
            if (WriterOf(list, element) is not { } writer)
            {
                continue;
            }

            Add(before, writer, DependencyKinds.WriteWrite, list.Key, element);
            before = writer;
        }

        foreach (var (element, writer) in Unobserved(list))
        {
            Add(before, writer, DependencyKinds.WriteWrite, list.Key, element);
        }
    }

    private void AddReads(ListVersions list)
    {
        var unobserved = Unobserved(list).ToList();
        foreach (var (reader, read) in list.Reads)
        {
            if (!list.IsPrefix(read))
            {
                continue;
            }

            var length = read.Elements!.Count;
            if (length > 0 && WriterOf(list, list.Order[length - 1]) is { } seen)
            {
                Add(seen, reader, DependencyKinds.WriteRead, list.Key, list.Order[length - 1]);
            }

            if (NextWrite(list, length) is var (element, next))
            {
                Add(reader, next, DependencyKinds.ReadWrite, list.Key, element);
                continue;
            }

            foreach (var (missed, writer) in unobserved)
            {
                Add(reader, writer, DependencyKinds.ReadWrite, list.Key, missed);
            }
        }
    }

    private static (string Element, Transaction Writer)? NextWrite(ListVersions list, int length)
    {
        for (var place = length; place < list.Order.Count; place++)
        {
            if (WriterOf(list, list.Order[place]) is { } writer)
            {
                return (list.Order[place], writer);
            }
        }

        return null;
    }

    private static Transaction? WriterOf(ListVersions list, string element) =>
        list.Writers.TryGetValue(element, out var writer) && !writer.Aborted ? writer : null;

    private static IEnumerable<(string Element, Transaction Writer)> Unobserved(ListVersions list) =>
        list.Writers.Where(pair => pair.Value.TookEffect && !list.Observed.Contains(pair.Key)).Select(pair => (pair.Key, pair.Value));

    /// <summary>
    /// Only the dependencies that no chain of others implies: a transaction follows those that had ended when it started, except those that had ended
    /// before another of them started.
    /// </summary>
    private void AddRealTime()
    {
        var events = new List<(long Index, Transaction Transaction, bool Completes)>();
        foreach (var transaction in Transactions.Where(transaction => !transaction.Aborted))
        {
            events.Add((transaction.Source.InvokedIndex, transaction, false));
            if (transaction.Committed)
            {
                events.Add((transaction.Source.CompletedIndex, transaction, true));
            }
        }

        events.Sort((one, other) => one.Index.CompareTo(other.Index));
        var frontier = new HashSet<int>();
        var before = new Dictionary<int, int[]>();
        foreach (var (_, transaction, completes) in events)
        {
            if (!completes)
            {
                before[transaction.Id] = [.. frontier.Order()];
                foreach (var earlier in before[transaction.Id])
                {
                    Add(Transactions[earlier], transaction, DependencyKinds.RealTime, null, null);
                }

                continue;
            }

            frontier.ExceptWith(before[transaction.Id]);
            before.Remove(transaction.Id);
            frontier.Add(transaction.Id);
        }
    }

    private void Add(Transaction? from, Transaction to, DependencyKinds kind, string? key, string? element)
    {
        if (from is not null && from != to && _known.Add((from.Id, to.Id, kind)))
        {
            _outgoing[from.Id].Add(new Dependency(from.Id, to.Id, kind, key, element));
        }
    }
}
