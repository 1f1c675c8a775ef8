using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that the run is meaningful. A store that answers nothing is always consistent, and a fault without concurrent operations tests nothing. A
/// run counts if enough operations were answered (<c>too-few-answers</c>, <c>too-many-unanswered</c>), every fault ended (<c>fault-never-healed</c>)
/// and had an answer before, during and after it (<c>no-answer-before</c>, <c>-during</c>, <c>-after</c>), and every register that may have been
/// written was read after the last heal (<c>not-read-at-the-end</c>). Otherwise the verdict is undecided: neither a violation nor a pass.
/// </summary>
public static class RunValidity
{
    private const string Name = "run-validity";

    public static Verdict Check(History history, RunValidityOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= new RunValidityOptions();
        var findings = new FindingList();
        var answers = history.Operations.Where(AvailabilityChecker.IsAnswered).ToList();
        var share = history.Operations.Count == 0 ? 0 : (double)answers.Count / history.Operations.Count;
        CheckShares(history, share, options, findings);
        var spans = FaultSpan.Of(history.Marks);
        foreach (var span in spans)
        {
            CheckSpan(span, history, answers, options, findings);
        }

        CheckFinalReads(history, findings);
        var verdict = findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["operations"] = history.Operations.Count,
            ["answered-share"] = share,
            ["faults"] = spans.Count,
        });
        return findings.IsEmpty
            ? verdict
            : verdict with { Judgement = Judgement.Undecided, Reason = $"the run does not count: {verdict.Findings[0].Message}" };
    }

    private static void CheckShares(History history, double share, RunValidityOptions options, FindingList findings)
    {
        if (share < options.AnsweredShareMin)
        {
            findings.Add(new Finding("too-few-answers", string.Create(CultureInfo.InvariantCulture, $"{share:P0} of {history.Operations.Count} operations were answered, demanded are {options.AnsweredShareMin:P0}")));
        }

        if (1 - share >= options.UnansweredShareMax)
        {
            findings.Add(new Finding("too-many-unanswered", string.Create(CultureInfo.InvariantCulture, $"{1 - share:P0} of {history.Operations.Count} operations failed or stayed open, allowed are less than {options.UnansweredShareMax:P0}")));
        }
    }

    private static void CheckSpan(FaultSpan span, History history, List<Operation> answers, RunValidityOptions options, FindingList findings)
    {
        if (!answers.Exists(answer => answer.CompletedIndex < span.Start.Index))
        {
            findings.Add(new Finding("no-answer-before", $"nothing was answered before \"{span.Start}\""));
        }

        if (span.Heal is not { } heal)
        {
            findings.Add(new Finding("fault-never-healed", $"\"{span.Start}\" was never healed"));
            return;
        }

        var during = options.TotalFaults.Contains(span.Start.Fault)
            ? history.Operations.Any(operation => operation.InvokedIndex > span.Start.Index && operation.InvokedIndex < heal.Index)
            : answers.Exists(answer => answer.CompletedIndex > span.Start.Index && answer.CompletedIndex < heal.Index);
        if (!during)
        {
            findings.Add(new Finding("no-answer-during", $"nothing was answered during \"{span.Start}\""));
        }

        if (!answers.Exists(answer => answer.InvokedIndex > heal.Index))
        {
            findings.Add(new Finding("no-answer-after", $"nothing begun after \"{heal}\" was answered"));
        }
    }

    private static void CheckFinalReads(History history, FindingList findings)
    {
        if (history.Marks.LastOrDefault(mark => mark.IsHeal) is not { } heal)
        {
            return;
        }

        var unread = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var operation in history.Operations)
        {
            if (operation is { MayTakeEffect: true, Key: { } written, Function: Functions.Put or Functions.Delete or Functions.CompareAndSet or Functions.EventualPut or Functions.EventualDelete })
            {
                unread.Add(written);
            }
        }

        foreach (var operation in history.Operations)
        {
            var isFinal = operation is { Function: Functions.Get, IsLinearizableLevel: true } or { Function: Functions.EventualGet, Invocation.Level: CausalRead.FinalLevel };
            if (isFinal && operation.IsOk && operation.InvokedIndex > heal.Index)
            {
                unread.Remove(operation.Key!);
            }
        }

        foreach (var key in unread)
        {
            findings.Add(new Finding("not-read-at-the-end", $"key {key} was not read after \"{heal}\"") { Key = key });
        }
    }
}
