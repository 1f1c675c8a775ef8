using CsCheck;
using KvRaft.Raft.Runs;

namespace KvRaft.Raft.Tests.Runs;

public sealed class RunRulesTests
{
    private static readonly Guid One = new("11111111-1111-1111-1111-111111111111");
    private static readonly Guid Other = new("22222222-2222-2222-2222-222222222222");

    private static readonly KnownRun Known = new(5, One, 100);

    [Fact]
    public void A_node_that_was_never_seen_is_new() => Assert.Equal(RunVerdict.New, RunRules.Judge(null, new NodeRun(1, One, 0), isConnected: false));

    [Fact]
    public void A_run_that_is_known_stays_known() => Assert.Equal(RunVerdict.Known, RunRules.Judge(Known, new NodeRun(5, One, 40), isConnected: true));

    [Fact]
    public void An_ordinary_restart_is_new() => Assert.Equal(RunVerdict.New, RunRules.Judge(Known, new NodeRun(6, Other, 100), isConnected: false));

    [Fact]
    public void A_copy_from_before_the_last_start_is_superseded() =>
        Assert.Equal(RunVerdict.Superseded, RunRules.Judge(Known, new NodeRun(4, Other, 500), isConnected: false));

    [Fact]
    public void A_second_start_from_the_same_copy_is_superseded() =>
        Assert.Equal(RunVerdict.Superseded, RunRules.Judge(Known, new NodeRun(5, Other, 500), isConnected: false));

    [Fact]
    public void A_copy_that_was_taken_during_the_last_run_lacks_what_the_run_reported_afterwards() =>
        Assert.Equal(RunVerdict.LogCutShort, RunRules.Judge(Known, new NodeRun(6, Other, 99), isConnected: false));

    [Fact]
    public void A_log_that_is_gone_without_being_noticed_is_refused() => Assert.Equal(RunVerdict.LogCutShort, RunRules.Judge(Known, new NodeRun(6, Other, 0), isConnected: false));

    [Fact]
    public void A_second_process_waits_for_the_first_to_end() =>
        Assert.Equal(RunVerdict.StillRunning, RunRules.Judge(Known, new NodeRun(6, Other, 100), isConnected: true));

    /// <summary>
    /// A directory is started, writes, reports, loses its log, is copied and restored at random. For every order: a run whose log lacks a reported batch is
    /// never accepted, and a directory that was never restored is always accepted.
    /// </summary>
    [Fact]
    public void No_run_that_lacks_what_was_reported_is_accepted_and_no_other_is_refused() =>
        Gen.Int[0, 5].Array[1, 60].Sample(steps =>
        {
            KnownRun? known = null;
            var (directory, copy, reported, wasRestored, isLost, ids) = ((Generation: 0L, Batch: 0L), (Generation: 0L, Batch: 0L), 0L, false, false, 0);
            foreach (var step in steps)
            {
                switch (step)
                {
                    case 0:
                        directory.Generation++;
                        if (isLost)
                        {
                            // Another log begins: see LogRecovery.LastBatch.
                            (directory.Batch, isLost) = (directory.Generation << 40, false);
                        }

                        var run = new NodeRun(directory.Generation, new Guid(++ids, 0, 0, new byte[8]), directory.Batch);
                        var verdict = RunRules.Judge(known, run, isConnected: false);
                        if (verdict == RunVerdict.New)
                        {
                            Assert.True(run.LogBatch >= reported);
                            known = new KnownRun(run.Generation, run.Id, run.LogBatch);
                        }
                        else
                        {
                            Assert.True(wasRestored, $"{run} was refused as {verdict} and is no copy; known was {known}.");
                            return;
                        }

                        break;
                    case 1 when known is not null:
                        directory.Batch++;
                        break;
                    case 2 when known is { } last && directory.Batch > 0:
                        reported = directory.Batch;
                        known = last with { LogBatch = Math.Max(last.LogBatch, reported) };
                        break;
                    case 3:
                        copy = directory;
                        break;
                    case 4 when copy.Batch > 0:
                        (directory, wasRestored, isLost) = (copy, true, false);
                        break;
                    case 5 when directory.Generation > 0:
                        isLost = true;
                        break;
                }
            }
        });
}
