using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Measures;

namespace KvRaft.Chaos.Report;

internal enum RunOutcome
{
    Passed,

    /// <summary>The store broke one of its guarantees.</summary>
    Violated,

    /// <summary>The run proves nothing. Never a pass.</summary>
    Undecided,
}

/// <summary>The result of one run.</summary>
internal sealed record RunResult(
    string Id,
    string Folder,
    Scenario Scenario,
    RunOptions Options,
    History History,
    IReadOnlyList<Verdict> Verdicts,
    RunTotals Totals,
    FailoverTimes Failovers,
    TimeSpan Took)
{
    public RunOutcome Outcome =>
        Verdicts.Any(verdict => verdict.Judgement == Judgement.Violation) ? RunOutcome.Violated
        : Verdicts.All(verdict => verdict.IsValid) ? RunOutcome.Passed
        : RunOutcome.Undecided;

    /// <summary>As of <see cref="Verdict.ExitCode"/>.</summary>
    public int ExitCode => Outcome switch
    {
        RunOutcome.Passed => 0,
        RunOutcome.Violated => 1,
        _ => 3,
    };
}
