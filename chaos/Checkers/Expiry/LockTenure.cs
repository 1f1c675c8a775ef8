namespace KvRaft.Chaos.Checkers;

/// <summary>The time in which a client certainly holds a lock, from one grant.</summary>
/// <param name="From">The answer to the grant.</param>
/// <param name="To">Invocation + ttl, or the start of the release, minus the margin.</param>
/// <param name="Asked">The same without the margin.</param>
/// <param name="Grant">The acquisition or renewal.</param>
internal sealed record LockSpan(long From, long To, long Asked, Operation Grant);

/// <summary>The operations of one token on one lock.</summary>
internal sealed class LockTenure
{
    private readonly List<Operation> _sightings = [];

    private LockTenure(Operation acquisition) => Acquisition = acquisition;

    public string Token => Acquisition.Argument.Content!;

    public Operation Acquisition { get; }

    /// <summary>The renewals that took effect or may have, by invocation.</summary>
    public List<Operation> Renewals { get; } = [];

    /// <summary>Ordered by start.</summary>
    public IReadOnlyList<LockSpan> Certain { get; private set; } = [];

    public long LongestTtl => Renewals.Append(Acquisition).Max(Ttl);

    /// <summary>The tenures of one key, by token. A token that was acquired twice is ignored, because it proves nothing.</summary>
    public static IReadOnlyDictionary<string, LockTenure> Of(IReadOnlyList<Operation> operations, TtlOptions options)
    {
        var tenures = operations.Where(static operation => IsGrant(operation) && operation.Invocation.Expected.IsNull)
            .GroupBy(static operation => operation.Argument.Content!, StringComparer.Ordinal)
            .Where(static alike => !alike.Skip(1).Any())
            .ToDictionary(static alike => alike.Key, static alike => new LockTenure(alike.First()), StringComparer.Ordinal);
        var released = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var operation in operations)
        {
            if (operation.Invocation.Expected.Content is { } holder && tenures.TryGetValue(holder, out var tenure))
            {
                if (IsGrant(operation))
                {
                    tenure.Renewals.Add(operation);
                }
                else if (operation is { Argument.IsNull: true, MayTakeEffect: true })
                {
                    released.TryAdd(holder, operation.InvokedNanoseconds);
                }
            }

            if (TokenSeen(operation) is { } token && tenures.TryGetValue(token, out var seen))
            {
                seen._sightings.Add(operation);
            }
        }

        foreach (var tenure in tenures.Values)
        {
            tenure.Certain = [.. tenure.CertainSpans(options, released.GetValueOrDefault(tenure.Token, long.MaxValue))];
        }

        return tenures;
    }

    /// <summary>The token that an operation found in the lock; null if it found none, or if the history does not contain it.</summary>
    public static string? TokenSeen(Operation operation) =>
        (operation.IsOk && operation.Function == Functions.Get) || operation.IsCompareMismatch ? operation.Result.Content
        : operation.IsOk && operation.Function == Functions.CompareAndSet ? operation.Invocation.Expected.Content
        : null;

    /// <summary>
    /// The latest time at which the token may have held the lock, without the evidence of <paramref name="sighting"/>; null: there is no limit.
    /// </summary>
    /// <param name="sighting">An operation that found the token.</param>
    /// <param name="servedSince">The start of the uninterrupted service of the lock at that time: before it, the clock of the shard may have stood
    /// still.</param>
    public long? LastPossible(Operation sighting, long servedSince)
    {
        // A grant without an answer may take effect at any later time, but not after the token was seen.
        var began = Acquisition.IsOk ? Acquisition.CompletedNanoseconds
            : _sightings.Where(seen => seen.Precedes(sighting)).Select(static seen => (long?)seen.CompletedNanoseconds).Min();
        if (began is not { } from)
        {
            return null;
        }

        var end = from + Ttl(Acquisition);
        foreach (var renewal in Renewals.Where(renewal => renewal.InvokedIndex < sighting.CompletedIndex))
        {
            // A renewal without an answer took effect while the token was there, or not at all.
            var by = renewal.IsOk ? renewal.CompletedNanoseconds : Math.Max(end, servedSince);
            end = Math.Max(end, by + Ttl(renewal));
        }

        return end;
    }

    private static bool IsGrant(Operation operation) =>
        operation is { Function: Functions.CompareAndSet, MayTakeEffect: true, Invocation.TtlNanoseconds: not null } && operation.Argument.IsText
        && (operation.Invocation.Expected.IsNull || operation.Invocation.Expected.Content == operation.Argument.Content);

    private IEnumerable<LockSpan> CertainSpans(TtlOptions options, long released)
    {
        foreach (var grant in Renewals.Prepend(Acquisition).Where(static grant => grant.IsOk))
        {
            // A renewal sets a new time, so it may shorten the time; it has no effect before its invocation.
            var reach = Renewals.Where(renewal => renewal.InvokedIndex > grant.InvokedIndex).Append(grant).MinBy(static each => each.InvokedNanoseconds + Ttl(each))!;
            var asked = Math.Min(reach.InvokedNanoseconds + Ttl(reach), released);
            var to = Math.Min(reach.InvokedNanoseconds + Ttl(reach) - options.EarlyNanoseconds(Ttl(reach)), released);
            if (grant.CompletedNanoseconds < to)
            {
                yield return new LockSpan(grant.CompletedNanoseconds, to, asked, grant);
            }
        }
    }

    private static long Ttl(Operation grant) => grant.Invocation.TtlNanoseconds!.Value;
}
