using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that the store accepts writes while there is no fault. A store that refuses all writes is always consistent, and the share over a whole run
/// hides a minute of refused writes behind answered reads.
/// <list type="bullet">
/// <item><c>writes-refused</c>: of the writes that started and ended while the cluster was whole, fewer than required were decided. The cluster is
/// whole if no fault is active and the last one ended longer ago than the grace period; faults that do not excuse a refusal, for example a wrong
/// clock, are ignored.</item>
/// <item><c>writer-unwelcome</c>: a write was refused because its identity is too old. No writer of a run is idle for as long as a shard keeps
/// sessions, so this is a violation at any time.</item>
/// </list>
/// A decision is an acknowledgement or a refusal by a rule, for example the mismatch of a compare-and-set. The first rule is applied only if the
/// header contains <see cref="ShareParameter"/>: other histories do not state a requirement.
/// </summary>
public static class WriteAvailability
{
    /// <summary>The header parameter with the writes per thousand that must be decided.</summary>
    public const string ShareParameter = "write-share-min-permille";

    /// <summary>The header parameter with the grace period after a heal, in milliseconds.</summary>
    public const string GraceParameter = "write-grace-ms";

    /// <summary>The anomaly of writes that were refused while there was no fault.</summary>
    public const string Refused = "writes-refused";

    private const string Name = "writes";

    /// <summary>With fewer writes a share is not meaningful.</summary>
    private const int WritesMin = 20;

    private const long NanosecondsPerMillisecond = 1_000_000;

    public static Verdict Check(History history, IReadOnlySet<string>? harmless = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        var findings = new FindingList();
        foreach (var unwelcome in history.Operations.Where(static operation => operation.Error == ErrorCodes.RequestIdExpired))
        {
            findings.Add(new Finding("writer-unwelcome", $"{OperationText.Describe(unwelcome)} at {OperationText.Milliseconds(unwelcome.InvokedNanoseconds)}") { Key = unwelcome.Key, Operations = [unwelcome] });
        }

        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        if (history.Header.Parameters.TryGetValue(ShareParameter, out var permille))
        {
            var busy = Busy(history, harmless, history.Header.Parameters.GetValueOrDefault(GraceParameter) * NanosecondsPerMillisecond);
            var writes = history.Operations.Where(operation => AvailabilityChecker.IsWrite(operation) && !IsIn(busy, operation, history.EndNanoseconds)).ToList();
            var refused = writes.Where(static write => !write.IsOk && !ErrorCodes.IsDecision(write.Error)).ToList();
            figures["writes-while-whole"] = writes.Count;
            figures["refused-while-whole"] = refused.Count;
            if (writes.Count >= WritesMin && (writes.Count - refused.Count) * 1000L < writes.Count * permille)
            {
                var reasons = refused.GroupBy(static write => write.Error ?? "no answer", StringComparer.Ordinal).OrderByDescending(static alike => alike.Count())
                    .Select(static alike => string.Create(CultureInfo.InvariantCulture, $"{alike.Count()} {alike.Key}"));
                findings.Add(new Finding(Refused, string.Create(CultureInfo.InvariantCulture, $"{refused.Count} of {writes.Count} writes were not decided while nothing was wrong: {string.Join(", ", reasons)}"))
                {
                    Operations = [.. refused.Take(FindingList.KeptMax)],
                });
            }
        }

        return findings.ToVerdict(Name, figures);
    }

    /// <summary>The times in which a refusal is excused.</summary>
    private static List<(long From, long To)> Busy(History history, IReadOnlySet<string>? harmless, long grace) =>
    [
        .. FaultSpan.Of(history.Marks).Where(span => harmless?.Contains(span.Start.Fault) != true)
            .Select(span => (span.Start.TimeNanoseconds, span.Heal is { } heal ? heal.TimeNanoseconds + grace : history.EndNanoseconds)),
    ];

    private static bool IsIn(List<(long From, long To)> busy, Operation write, long end)
    {
        var ended = write.Completion?.TimeNanoseconds ?? end;
        return busy.Exists(span => write.InvokedNanoseconds <= span.To && ended >= span.From);
    }
}
