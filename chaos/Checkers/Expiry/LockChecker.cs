namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks locks that are made of put-if-absent with a time to live: a lock must never have two holders, be lost by its holder, or stay locked for
/// ever. Locks are keys; a value is a token that one client draws once. A <c>cas</c> from <c>null</c> to the token with a <c>ttl</c> acquires, one
/// from the token to the same token renews, one from the token to <c>null</c> releases.
///
/// <para>
/// <b>The certain time of a holder.</b> The time to live starts when the request takes effect, which is between its invocation and its answer. So
/// from the answer until invocation + ttl the client certainly holds the lock, independent of all wall clocks, unless it has started to release it or
/// to renew it for a shorter time.
/// </para>
///
/// <list type="bullet">
/// <item><c>two-holders</c>: the certain times of two clients overlap.</item>
/// <item><c>lost-early</c>: in the certain time of a client, a read did not return its token, or its renewal or release was refused.</item>
/// <item><c>held-too-long</c>: a token was seen after the end of all its grants. A grant without an answer counts from the first time at which the
/// token was seen.</item>
/// </list>
/// Margins are those of <see cref="TtlOptions"/>.
/// </summary>
public static class LockChecker
{
    private const string Name = "lock";

    public static Verdict Check(History history, TtlOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= TtlOptions.FromHeader(history.Header);
        var findings = new FindingList();
        var (grants, renewals, refusals) = (0, 0, 0);
        foreach (var (key, operations) in RegisterHistory.PerKey(history))
        {
            var tenures = LockTenure.Of(operations, options);
            grants += tenures.Values.Count(static tenure => tenure.Acquisition.IsOk);
            renewals += tenures.Values.Sum(static tenure => tenure.Renewals.Count(static renewal => renewal.IsOk));
            refusals += operations.Count(static operation => operation.IsCompareMismatch);
            var lane = new OneLock(key, operations, tenures, options, findings);
            lane.CheckHolders();
            lane.CheckObservations();
        }

        return findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["grants"] = grants,
            ["renewals"] = renewals,
            ["refusals"] = refusals,
        });
    }

    private sealed class OneLock(
        string key, List<Operation> operations, IReadOnlyDictionary<string, LockTenure> tenures, TtlOptions options, FindingList findings)
    {
        private readonly ServedTimes _served = new(operations, options.SilenceMax);

        private readonly List<(LockSpan Span, LockTenure Tenure)> _spans =
            [.. tenures.Values.SelectMany(static tenure => tenure.Certain.Select(span => (span, tenure))).OrderBy(static pair => pair.span.From)];

        public void CheckHolders()
        {
            (LockSpan Span, LockTenure Tenure)? last = null;
            foreach (var next in _spans)
            {
                if (last is { } holder && holder.Tenure != next.Tenure && next.Span.From < holder.Span.To)
                {
                    Find(
                        "two-holders",
                        $"{OperationText.Describe(next.Span.Grant)} was granted at {OperationText.Milliseconds(next.Span.From)}, while {OperationText.Describe(holder.Span.Grant)} held the lock until {OperationText.Milliseconds(holder.Span.Asked)} at least",
                        next.Span.Grant,
                        holder.Span.Grant);
                }

                last = last is { } kept && kept.Span.To > next.Span.To ? kept : next;
            }
        }

        public void CheckObservations()
        {
            foreach (var operation in operations.Where(static operation => operation.IsCompareMismatch || (operation.IsOk && operation.Function == Functions.Get)))
            {
                CheckLost(operation);
                if (LockTenure.TokenSeen(operation) is { } token && tenures.TryGetValue(token, out var seen))
                {
                    CheckLate(operation, seen);
                }
            }
        }

        private void CheckLost(Operation operation)
        {
            foreach (var (span, tenure) in _spans)
            {
                if (span.From >= operation.InvokedNanoseconds)
                {
                    return;
                }

                if (operation.CompletedNanoseconds < span.To && Contradicts(operation, tenure.Token))
                {
                    Find(
                        "lost-early",
                        $"{OperationText.Describe(operation)} at {OperationText.Milliseconds(operation.CompletedNanoseconds)}, while {OperationText.Describe(span.Grant)} held the lock until {OperationText.Milliseconds(span.Asked)} at least",
                        operation,
                        span.Grant);
                    return;
                }
            }
        }

        /// <summary>A read of another value, or a refusal of the holder's own operation, proves that the holder did not hold the lock.</summary>
        private static bool Contradicts(Operation operation, string token) => operation.IsCompareMismatch
            ? operation.Invocation.Expected.Content == token
            : operation.Result.Content != token;

        private void CheckLate(Operation operation, LockTenure tenure)
        {
            var served = _served.ServedSince(operation.InvokedNanoseconds);
            if (tenure.LastPossible(operation, served) is { } end
                && operation.InvokedNanoseconds > Math.Max(end, served) + options.LateNanoseconds(tenure.LongestTtl))
            {
                Find(
                    "held-too-long",
                    $"{OperationText.Describe(operation)} at {OperationText.Milliseconds(operation.InvokedNanoseconds)}, but {OperationText.Describe(tenure.Acquisition)} held the lock until {OperationText.Milliseconds(end)} at most",
                    operation,
                    tenure.Acquisition);
            }
        }

        private void Find(string anomaly, string message, params Operation[] proof) => findings.Add(new Finding(anomaly, message) { Key = key, Operations = proof });
    }
}
