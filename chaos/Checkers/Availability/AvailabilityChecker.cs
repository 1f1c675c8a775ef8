using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Measures the availability of the store and its recovery after faults: the share of answers per window, the longest gap without an answer, and for
/// each mark of the nemesis the time to the first answer. It reports a violation (<c>long-gap</c>, <c>slow-recovery</c>, <c>low-share</c>) only for
/// the bounds that are set. A refused cas is an answer: the store was available and returned a true statement. Times are those of the control
/// process.
/// </summary>
public static class AvailabilityChecker
{
    private const string Name = "availability";
    private const long NanosecondsPerTick = 100;

    public static Verdict Check(History history, AvailabilityOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= AvailabilityOptions.FromHeader(history.Header);
        var report = Measure(history, options);
        var findings = new FindingList();
        if (report.LongestGap > options.GapMax)
        {
            findings.Add(new Finding("long-gap", $"no answer for {Text(report.LongestGap)} from {OperationText.Milliseconds(report.LongestGapStartNanoseconds)}, allowed are {Text(options.GapMax.Value)}"));
        }

        if (report.Share < options.ShareMin)
        {
            findings.Add(new Finding("low-share", string.Create(CultureInfo.InvariantCulture, $"{report.Share:P1} of {report.Ended} operations were answered, demanded are {options.ShareMin.Value:P1}")));
        }

        foreach (var recovery in report.Recoveries)
        {
            JudgeRecovery(recovery, "answer", recovery.FirstAnswer, options.RecoveryMax, findings);
            JudgeRecovery(recovery, "write", recovery.FirstWrite, options.WriteRecoveryMax, findings);
        }

        return findings.ToVerdict(Name, Figures(report));
    }

    public static AvailabilityReport Measure(History history, AvailabilityOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= new AvailabilityOptions();
        var answers = history.Operations.Where(IsAnswered).OrderBy(operation => operation.CompletedIndex).ToList();
        var (gapStart, gap) = LongestGap(answers, history.EndNanoseconds);
        return new AvailabilityReport
        {
            Windows = Windows(history, options.Window.Ticks * NanosecondsPerTick),
            Recoveries = [.. history.Marks.Select(mark => RecoveryAfter(mark, answers))],
            LongestGap = gap,
            LongestGapStartNanoseconds = gapStart,
            Ended = history.Operations.Count,
            Answered = answers.Count,
        };
    }

    internal static bool IsAnswered(Operation operation) => operation.IsOk || operation.IsCompareMismatch;

    private static List<AvailabilityWindow> Windows(History history, long length)
    {
        if (history.Operations.Count == 0)
        {
            return [];
        }

        var windows = new (int Ended, int Answered)[(history.EndNanoseconds / length) + 1];
        foreach (var operation in history.Operations)
        {
            // An operation without an end was unanswered until the end of the run.
            ref var window = ref windows[(operation.Completion?.TimeNanoseconds ?? history.EndNanoseconds) / length];
            window.Ended++;
            window.Answered += IsAnswered(operation) ? 1 : 0;
        }

        return [.. windows.Select((window, place) => new AvailabilityWindow(place * length, window.Ended, window.Answered))];
    }

    private static (long Start, TimeSpan Gap) LongestGap(List<Operation> answers, long end)
    {
        long last = 0, start = 0, longest = 0;
        foreach (var time in answers.Select(answer => answer.CompletedNanoseconds).Append(end))
        {
            if (time - last > longest)
            {
                (start, longest) = (last, time - last);
            }

            last = time;
        }

        return (start, Span(longest));
    }

    private static Recovery RecoveryAfter(FaultMark mark, List<Operation> answers)
    {
        TimeSpan? First(Func<Operation, bool> counts) =>
            answers.FirstOrDefault(answer => answer.InvokedIndex > mark.Index && counts(answer)) is { } first
                ? Span(first.CompletedNanoseconds - mark.TimeNanoseconds)
                : null;
        return new Recovery(mark, First(_ => true), First(IsWrite));
    }

    internal static bool IsWrite(Operation operation) => operation.Function is not (Functions.Get or Functions.Read or Functions.EventualGet or "watch");

    private static void JudgeRecovery(Recovery recovery, string what, TimeSpan? took, TimeSpan? allowed, FindingList findings)
    {
        if (allowed is { } max && (took is null || took > max))
        {
            var text = took is { } time ? $"came after {Text(time)}" : "never came";
            findings.Add(new Finding("slow-recovery", $"the first {what} after \"{recovery.Mark}\" {text}, allowed are {Text(max)}"));
        }
    }

    private static SortedDictionary<string, double> Figures(AvailabilityReport report)
    {
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["operations"] = report.Ended,
            ["answered-share"] = report.Share,
            ["longest-gap-ms"] = report.LongestGap.TotalMilliseconds,
            ["windows-unanswered"] = report.Windows.Count(window => window is { Ended: > 0, Answered: 0 }),
        };
        AddWorst(figures, "recovery-worst-ms", report.Recoveries.Select(recovery => recovery.FirstAnswer));
        AddWorst(figures, "write-recovery-worst-ms", report.Recoveries.Select(recovery => recovery.FirstWrite));
        return figures;
    }

    private static void AddWorst(SortedDictionary<string, double> figures, string name, IEnumerable<TimeSpan?> times)
    {
        if (times.Max() is { } worst)
        {
            figures[name] = worst.TotalMilliseconds;
        }
    }

    private static TimeSpan Span(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / NanosecondsPerTick);

    private static string Text(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0} ms");
}
