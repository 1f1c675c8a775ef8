using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Availability;

public class RunValidityTests
{
    [Fact]
    public void A_fault_with_answers_before_during_and_after_counts() =>
        Assert.True(RunValidity.Check(Run(during: true).Build()).IsValid);

    [Fact]
    public void A_fault_without_operations_during_it_does_not_count()
    {
        var verdict = RunValidity.Check(Run(during: false).Build());
        Assert.Equal(Judgement.Undecided, verdict.Judgement);
        Assert.Equal(["no-answer-during"], verdict.Anomalies());
    }

    [Fact]
    public void A_total_fault_needs_an_attempt_and_no_answer()
    {
        var options = new RunValidityOptions { TotalFaults = new HashSet<string> { "power-cut" } };
        Assert.True(RunValidity.Check(Total(attempts: true).Build(), options).IsValid);
        Assert.Equal(["no-answer-during"], RunValidity.Check(Total(attempts: false).Build(), options).Anomalies());

        static HistoryBuilder Total(bool attempts)
        {
            var history = new HistoryBuilder().Put(0, "a").Ok(0).Mark("power-cut all");
            history = attempts ? history.Get(1).Fail(1) : history;
            return history.Mark("heal power-cut").Get(1).Saw(1, "a");
        }
    }

    [Fact]
    public void Overlapping_faults_end_each_with_its_own_heal()
    {
        var spans = FaultSpan.Of(new HistoryBuilder().Mark("kill n1").Mark("kill n2").Mark("pause n3").Mark("heal kill n2").Mark("heal").Build().Marks);
        Assert.Equal([4L, 3L, 4L], spans.Select(span => span.Heal!.Index));
    }

    [Fact]
    public void An_empty_run_proves_nothing() =>
        Assert.Equal(["too-few-answers", "too-many-unanswered"], RunValidity.Check(new HistoryBuilder().Build()).Anomalies());

    private static HistoryBuilder Run(bool during)
    {
        var history = new HistoryBuilder().Put(0, "a").Ok(0).Mark("pause n1");
        history = during ? history.Get(1).Saw(1, "a") : history;
        return history.Mark("heal pause n1").Get(1).Saw(1, "a");
    }
}
