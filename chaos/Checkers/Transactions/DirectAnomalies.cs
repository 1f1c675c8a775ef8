namespace KvRaft.Chaos.Checkers;

/// <summary>The anomalies that need no graph: those of a single transaction or a single list.</summary>
internal static class DirectAnomalies
{
    public static void Find(IReadOnlyList<Transaction> transactions, IEnumerable<ListVersions> lists, FindingList findings)
    {
        foreach (var transaction in transactions.Where(transaction => transaction.Committed))
        {
            CheckInternal(transaction, findings);
        }

        foreach (var list in lists)
        {
            foreach (var (reader, read) in list.Reads)
            {
                CheckRead(list, reader, read, findings);
            }

            CheckLost(list, findings);
        }
    }

    /// <summary>A transaction must see its own past: the elements of its earlier reads plus its appends since.</summary>
    private static void CheckInternal(Transaction transaction, FindingList findings)
    {
        foreach (var steps in transaction.Steps.GroupBy(step => step.Key, StringComparer.Ordinal))
        {
            IReadOnlyList<string>? known = null;
            var appended = new List<string>();
            foreach (var step in steps)
            {
                if (step is AppendStep append)
                {
                    appended.Add(append.Element);
                    continue;
                }

                var seen = ((ReadStep)step).Elements!;
                var fits = known is null
                    ? seen.Count >= appended.Count && seen.Skip(seen.Count - appended.Count).SequenceEqual(appended)
                    : seen.SequenceEqual(known.Concat(appended));
                if (!fits)
                {
                    findings.Add(About("internal", $"{transaction.Name} does not see its own past: {transaction}", steps.Key, transaction));
                    break;
                }

                known = seen;
                appended.Clear();
            }
        }
    }

    private static void CheckRead(ListVersions list, Transaction reader, ReadStep read, FindingList findings)
    {
        var elements = read.Elements!;
        if (elements.Distinct(StringComparer.Ordinal).Count() != elements.Count)
        {
            findings.Add(About("duplicate-append", $"{reader.Name} read an element twice: {read}", list.Key, reader));
        }

        if (!list.IsPrefix(read))
        {
            var longest = list.Reads.First(other => ReferenceEquals(other.Step.Elements, list.Order)).Reader;
            findings.Add(About("incompatible-order", $"{reader.Name} {read}, which is no beginning of what {longest.Name} read: [{string.Join(' ', list.Order)}]", list.Key, reader, longest));
        }

        foreach (var element in elements)
        {
            if (!list.Writers.TryGetValue(element, out var writer))
            {
                findings.Add(About("unexpected-element", $"{reader.Name} read {element} in {list.Key}, which no transaction appended", list.Key, reader));
            }
            else if (writer.Aborted)
            {
                findings.Add(About("G1a", $"aborted read: {reader.Name} read {element} in {list.Key}, which the failed {writer.Name} appended", list.Key, reader, writer));
            }
        }

        CheckIntermediate(list, reader, elements, findings);
    }

    private static void CheckIntermediate(ListVersions list, Transaction reader, IReadOnlyList<string> elements, FindingList findings)
    {
        if (elements is [.., var last]
            && list.Writers.TryGetValue(last, out var writer)
            && writer != reader
            && writer.Appends.Last(append => append.Key == list.Key).Element != last)
        {
            findings.Add(About("G1b", $"intermediate read: {reader.Name} read {list.Key} up to {last}, in the middle of {writer.Name}", list.Key, reader, writer));
        }
    }

    private static void CheckLost(ListVersions list, FindingList findings)
    {
        if (list.Reads.Count == 0)
        {
            return;
        }

        var latest = list.Reads.MaxBy(read => read.Reader.Source.InvokedIndex).Reader;
        foreach (var (element, writer) in list.Writers)
        {
            if (writer.Committed && !list.Observed.Contains(element) && writer.Source.Precedes(latest.Source))
            {
                findings.Add(About("lost-append", $"{element} was acknowledged to {writer.Name}, but no read of {list.Key} ever saw it, not even {latest.Name}, which began later", list.Key, writer, latest));
            }
        }
    }

    private static Finding About(string anomaly, string message, string key, params Transaction[] transactions) => new(anomaly, message)
    {
        Key = key,
        Operations = [.. transactions.Distinct().Select(transaction => transaction.Source)],
    };
}
