using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Measures;
using KvRaft.Chaos.Workloads;

namespace KvRaft.Harness.Tests.Faults;

public sealed class NemesisTests
{
    /// <summary>If a node refused its directory, each heal waited a minute for it, and three planted bugs took minutes to convict.</summary>
    [Fact]
    public async Task A_run_with_a_verdict_does_not_wait_for_the_heal()
    {
        using var over = new CancellationTokenSource();
        using var text = new MemoryStream();
        var path = Path.GetTempFileName();
        try
        {
            using var recorder = new Recorder(path, new HistoryHeader { Workload = "set" });
            await using var timeline = new StreamWriter(text);

            // This fault does not use the cluster and its failovers.
            var scene = new FaultScene(null!, new Random(1), null!, new RunTotals());
            var fault = new NeverOver(over);
            var nemesis = new Nemesis(scene, [new FaultKind("never-over", FaultNeeds.None, () => fault) { What = "for this test" }], recorder, timeline, over.Token);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(over.Token, TestContext.Current.CancellationToken);

            await nemesis.RunAsync(end.Token);

            Assert.Equal(NeverOver.LooksBeforeVerdict, fault.Looks);
            Assert.Contains("not over", Assert.Single(nemesis.Unverified), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private sealed class NeverOver(CancellationTokenSource over) : IFault
    {
        public const int LooksBeforeVerdict = 3;

        public int Looks { get; private set; }

        public Task<string> PlanAsync(FaultScene scene) => Task.FromResult("n1");

        public Task InjectAsync(FaultScene scene) => Task.CompletedTask;

        public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(Evidence.Seen("active"));

        public TimeSpan Hold(Random random) => TimeSpan.Zero;

        public Task HealAsync(FaultScene scene) => Task.CompletedTask;

        public async Task<Evidence> CheckHealedAsync(FaultScene scene)
        {
            if (++Looks == LooksBeforeVerdict)
            {
                await over.CancelAsync();
            }

            return Evidence.Missing("n1 does not answer");
        }
    }
}
