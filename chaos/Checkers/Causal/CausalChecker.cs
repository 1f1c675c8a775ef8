namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that an eventual store keeps the acknowledged values, and no others, based on the values that each writer had read
/// (<see cref="CausalWrite"/>):
/// <list type="bullet">
/// <item><c>lost</c>: a value was acknowledged, no write had read it, and a final read misses it.</item>
/// <item><c>resurrected</c>: an acknowledged write or delete had read a value, and a final read contains it.</item>
/// <item><c>not-concurrent</c>: one read contains two values, and the writer of one had read the other, directly or through other writes.</item>
/// <item><c>stale</c>: a read with the overlap guarantee misses a write with the overlap guarantee.</item>
/// <item><c>unexpected</c>: never written, written later, or certainly refused. <c>too-many</c>: more values than a key may hold.</item>
/// </list>
/// Other reads may be incomplete, because the store is eventual; only the final reads and the reads with a guarantee must be complete. If a value may
/// exist twice (<see cref="CausalWrite.MayStandTwice"/>), it may reappear once.
/// </summary>
public static class CausalChecker
{
    private const string Name = "causal";

    /// <summary>The header parameter with the maximum number of values of a key.</summary>
    public const string SiblingsMaxParameter = "siblings-max";

    /// <exception cref="HistoryFormatException">An operation is not an operation of an eventual key, or a value is written twice.</exception>
    public static Verdict Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        var findings = new FindingList();
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["acknowledged"] = 0, ["final-reads"] = 0, ["siblings-most"] = 0, ["sure-reads"] = 0 };
        var siblingsMax = history.Header.Parameters.GetValueOrDefault(SiblingsMaxParameter, long.MaxValue);
        foreach (var key in history.Operations.GroupBy(static operation => operation.Key ?? "", StringComparer.Ordinal))
        {
            new OneKey(key.Key, siblingsMax, findings, figures).Check(key);
        }

        return findings.ToVerdict(Name, figures);
    }

    private sealed class OneKey(string key, long siblingsMax, FindingList findings, SortedDictionary<string, double> figures)
    {
        private readonly Dictionary<string, CausalWrite> _puts = new(StringComparer.Ordinal);
        private readonly List<CausalWrite> _writes = [];
        private readonly List<CausalRead> _reads = [];

        /// <summary>By value: the writes that had read it and may have taken effect.</summary>
        private readonly Dictionary<string, List<CausalWrite>> _replacements = new(StringComparer.Ordinal);

        /// <summary>By value: all values that its writer had read, directly or through other writes.</summary>
        private readonly Dictionary<string, HashSet<string>> _known = new(StringComparer.Ordinal);

        public void Check(IEnumerable<Operation> operations)
        {
            foreach (var operation in operations)
            {
                Take(operation);
            }

            foreach (var read in _reads)
            {
                CheckContent(read);
                CheckConcurrency(read);
                if (read.Overlaps)
                {
                    CheckClaim(read);
                }

                if (read.IsFinal)
                {
                    CheckEnd(read);
                }
            }

            figures["acknowledged"] += _writes.Count(static write => write.Operation.IsOk);
            figures["final-reads"] += _reads.Count(static read => read.IsFinal);
            figures["sure-reads"] += _reads.Count(static read => read.Overlaps);
        }

        private void Take(Operation operation)
        {
            switch (operation.Function)
            {
                case Functions.EventualPut or Functions.EventualDelete:
                    var write = CausalWrite.Of(operation);
                    _writes.Add(write);
                    if (write.Value is { } value && !_puts.TryAdd(value, write))
                    {
                        throw JsonText.Fault(operation.Invocation, $"{value} was written before: values must be unique");
                    }

                    foreach (var replaced in operation.MayTakeEffect ? write.Saw : [])
                    {
                        (_replacements.TryGetValue(replaced, out var known) ? known : _replacements[replaced] = []).Add(write);
                    }

                    break;
                case Functions.EventualGet when operation.IsOk:
                    _reads.Add(CausalRead.Of(operation));
                    break;
                case Functions.EventualGet:
                    break;
                default:
                    throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no operation of an eventual key");
            }
        }

        private void CheckContent(CausalRead read)
        {
            figures["siblings-most"] = Math.Max(figures["siblings-most"], read.Values.Length);
            if (read.Values.Length > siblingsMax)
            {
                Find("too-many", $"p{read.Operation.Process} read {read.Values.Length} values, allowed are {siblingsMax}", read.Operation);
            }

            foreach (var value in read.Values)
            {
                if (!_puts.TryGetValue(value, out var put))
                {
                    Find("unexpected", $"p{read.Operation.Process} read {value}, which no operation wrote", read.Operation);
                }
                else if (!put.Operation.MayTakeEffect || read.Operation.Precedes(put.Operation))
                {
                    var why = put.Operation.MayTakeEffect ? "was written later" : "certainly failed to be written";
                    Find("unexpected", $"p{read.Operation.Process} read {value}, which {why}", read.Operation, put.Operation);
                }
            }
        }

        private void CheckConcurrency(CausalRead read)
        {
            foreach (var value in read.Values)
            {
                foreach (var other in read.Values)
                {
                    if (_puts.TryGetValue(value, out var put) && _puts.TryGetValue(other, out var older) && !older.MayStandTwice && KnownTo(value).Contains(other))
                    {
                        Find("not-concurrent", $"p{read.Operation.Process} read {value} beside {other}, which its writer had read", read.Operation, put.Operation, older.Operation);
                    }
                }
            }
        }

        private void CheckClaim(CausalRead read)
        {
            foreach (var write in _writes.Where(write => write.Overlaps && write.Operation.Precedes(read.Operation)))
            {
                if (write.Value is { } value && !read.Values.Contains(value)
                    && !Replacements(value).Any(other => other.Operation.InvokedIndex < read.Operation.CompletedIndex))
                {
                    Find("stale", $"p{read.Operation.Process} is sure to meet every write and misses {value}", read.Operation, write.Operation);
                }

                foreach (var replaced in write.Saw.Where(replaced => read.Values.Contains(replaced) && _puts.TryGetValue(replaced, out var put) && !put.MayStandTwice))
                {
                    Find("stale", $"p{read.Operation.Process} is sure to meet every write and reads {replaced}, which was replaced", read.Operation, write.Operation);
                }
            }
        }

        private void CheckEnd(CausalRead read)
        {
            foreach (var write in _writes.Where(write => write.Operation.IsOk && write.Operation.Precedes(read.Operation)))
            {
                if (write.Value is { } value && !read.Values.Contains(value) && Replacements(value).Count == 0)
                {
                    Find("lost", $"{value} was acknowledged, no operation replaced it, and p{read.Operation.Process} does not find it", read.Operation, write.Operation);
                }

                foreach (var replaced in write.Saw.Where(read.Values.Contains))
                {
                    if (_puts.TryGetValue(replaced, out var put) && !put.MayStandTwice)
                    {
                        var how = write.Value is null ? "deleted" : $"replaced by {write.Value}";
                        Find("resurrected", $"{replaced} was {how}, and p{read.Operation.Process} finds it", read.Operation, write.Operation, put.Operation);
                    }
                }
            }
        }

        private List<CausalWrite> Replacements(string value) => _replacements.GetValueOrDefault(value, []);

        private HashSet<string> KnownTo(string value)
        {
            if (_known.TryGetValue(value, out var known))
            {
                return known;
            }

            // A writer can have read only earlier values, so this recursion ends.
            known = new HashSet<string>(StringComparer.Ordinal);
            var open = new Stack<string>([value]);
            while (open.TryPop(out var next))
            {
                foreach (var saw in _puts.TryGetValue(next, out var put) ? put.Saw : [])
                {
                    if (known.Add(saw))
                    {
                        open.Push(saw);
                    }
                }
            }

            return _known[value] = known;
        }

        private void Find(string anomaly, string message, params Operation[] operations) =>
            findings.Add(new Finding(anomaly, message) { Key = key, Operations = operations });
    }
}
