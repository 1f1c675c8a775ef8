namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that values with a time to live expire on time. The time starts when the put takes effect, so by the clock of the run the expiry lies
/// between invocation + ttl and completion + ttl, independent of the wall clocks of nodes. <c>gone-early</c>: a read that ended before that by more
/// than the margin found the key absent, and no other update can have removed it. <c>visible-after-expiry</c>: a read that started after that by more
/// than the late margin still returned the value, and the key was served in between (<see cref="ServedTimes"/>). <c>resurrected</c>: after the
/// acknowledgement of the put, a read found the key absent and a later one returned the value; no margin applies. Values must be unique; a value that
/// is put twice is ignored.
/// </summary>
public static class TtlChecker
{
    private const string Name = "ttl";

    public static Verdict Check(History history, TtlOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= TtlOptions.FromHeader(history.Header);
        var findings = new FindingList();
        var puts = 0;
        foreach (var (key, operations) in RegisterHistory.PerKey(history))
        {
            var lane = new OneKey(key, operations, options, findings);
            puts += lane.Check();
        }

        return findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal) { ["puts-with-ttl"] = puts });
    }

    private sealed class OneKey
    {
        private readonly string _key;
        private readonly TtlOptions _options;
        private readonly ServedTimes _served;
        private readonly FindingList _findings;
        private readonly List<Operation> _gets;
        private readonly List<Operation> _updates;

        // The latest completion among the updates up to and including each one, by invocation.
        private readonly long[] _overBy;

        public OneKey(string key, List<Operation> operations, TtlOptions options, FindingList findings)
        {
            _key = key;
            _options = options;
            _served = new ServedTimes(operations, options.SilenceMax);
            _findings = findings;
            _gets = operations.FindAll(operation => operation.Function == Functions.Get);
            _updates = operations.FindAll(operation => operation.Function != Functions.Get && operation.MayTakeEffect);
            _overBy = new long[_updates.Count];
            for (var place = 0; place < _updates.Count; place++)
            {
                _overBy[place] = Math.Max(place == 0 ? -1 : _overBy[place - 1], _updates[place].CompletedIndex);
            }
        }

        public int Check()
        {
            var puts = _updates.FindAll(update => update is { Function: Functions.Put, Invocation.TtlNanoseconds: not null });
            if (puts.Count == 0)
            {
                return 0;
            }

            var written = _updates.Where(update => update.Argument.IsText).GroupBy(update => update.Argument.Content!, StringComparer.Ordinal);
            var unique = written.Where(group => group.Count() == 1).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
            var firstAbsent = new Dictionary<string, Operation>(StringComparer.Ordinal);
            foreach (var get in _gets)
            {
                if (get.Result.IsNull)
                {
                    CheckEarly(get);
                }
                else if (unique.GetValueOrDefault(get.Result.Content!) is { IsOk: true, Invocation.TtlNanoseconds: { } ttl } put)
                {
                    CheckLate(get, put, ttl);
                    CheckResurrected(get, put, firstAbsent);
                }
            }

            return puts.Count;
        }

        private void CheckEarly(Operation get)
        {
            var last = _updates.FindLastIndex(update => update.InvokedIndex < get.CompletedIndex);
            if (last < 0 || _updates[last] is not { IsOk: true, Function: Functions.Put, Invocation.TtlNanoseconds: { } ttl } put)
            {
                return;
            }

            var alone = put.Precedes(get) && (last == 0 || _overBy[last - 1] < put.InvokedIndex);
            var expiresFrom = put.InvokedNanoseconds + ttl;
            if (alone && get.CompletedNanoseconds < expiresFrom - _options.EarlyNanoseconds(ttl))
            {
                Find("gone-early", $"{OperationText.Describe(get)} at {OperationText.Milliseconds(get.CompletedNanoseconds)}, but {OperationText.Describe(put)} was to stay until {OperationText.Milliseconds(expiresFrom)}", get, put);
            }
        }

        private void CheckLate(Operation get, Operation put, long ttl)
        {
            var expiresBy = put.CompletedNanoseconds + ttl;
            if (get.InvokedNanoseconds > Math.Max(expiresBy, _served.ServedSince(get.InvokedNanoseconds)) + _options.LateNanoseconds(ttl))
            {
                Find("visible-after-expiry", $"{OperationText.Describe(get)} at {OperationText.Milliseconds(get.InvokedNanoseconds)}, but {OperationText.Describe(put)} expired by {OperationText.Milliseconds(expiresBy)}", get, put);
            }
        }

        private void CheckResurrected(Operation get, Operation put, Dictionary<string, Operation> firstAbsent)
        {
            var value = put.Argument.Content!;
            if (!firstAbsent.TryGetValue(value, out var absent))
            {
                absent = _gets.Where(other => other.Result.IsNull && put.Precedes(other)).MinBy(other => other.CompletedIndex);
                if (absent is null)
                {
                    return;
                }

                firstAbsent.Add(value, absent);
            }

            if (absent.Precedes(get))
            {
                Find("resurrected", $"{OperationText.Describe(get)} after {OperationText.Describe(absent)} had found {OperationText.Describe(put)} gone", get, absent, put);
            }
        }

        private void Find(string anomaly, string message, params Operation[] operations) =>
            _findings.Add(new Finding(anomaly, message) { Key = _key, Operations = operations });
    }
}
