using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Workloads;
using KvRaft.Client;

namespace KvRaft.Harness.Tests.Workloads;

/// <summary>The records of workers must be a history that the readers accept, and must not claim more than is certain.</summary>
public class RecorderTests
{
    [Fact]
    public async Task Events_of_many_workers_make_one_well_formed_history()
    {
        var history = await RecordAsync(8, async worker =>
        {
            for (var number = 0; number < 50; number++)
            {
                var value = HistoryValue.Text(worker.UniqueValue());
                await worker.DoAsync(new Call(Functions.Put) { Key = "k", Value = value }, async () =>
                {
                    await Task.Yield();
                    return worker.Random.Next(10) == 0 ? throw Unknown() : Answer.Ok();
                });
            }
        });
        Assert.Equal(400, history.Operations.Count);
        Assert.Equal(400, history.Operations.Select(operation => operation.Argument.Content).Distinct().Count());
    }

    [Fact]
    public async Task An_unknown_outcome_retires_the_process() =>
        Assert.Equal([(0, OperationOutcome.Unknown), (1, OperationOutcome.Ok)], await PutsAsync(Unknown(), null));

    [Fact]
    public async Task A_write_that_was_certainly_not_applied_is_a_fail() =>
        Assert.Equal([(0, OperationOutcome.Failed), (0, OperationOutcome.Ok)], await PutsAsync(new KvException("no") { Outcome = KvOutcome.NotApplied }, null));

    [Fact]
    public async Task An_unexpected_exception_of_a_client_is_unknown_and_reported()
    {
        List<string> leaks = [];
        var history = await RecordAsync(1, async worker =>
        {
            await worker.DoAsync(new Call(Functions.Delete) { Key = "k" }, () => throw new InvalidOperationException("odd"));
            leaks = worker.Leaks;
        });
        Assert.Equal(OperationOutcome.Unknown, Assert.Single(history.Operations).Outcome);
        Assert.Contains("odd", Assert.Single(leaks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_without_an_answer_is_a_fail_for_any_client_error()
    {
        var history = await RecordAsync(1, worker => worker.DoAsync(new Call(Functions.Get) { Key = "k", IsRead = true }, () => throw Unknown()));
        Assert.Equal(OperationOutcome.Failed, Assert.Single(history.Operations).Outcome);
    }

    private static KvException Unknown() => new("?") { Outcome = KvOutcome.Unknown };

    private static async Task<IEnumerable<(int Process, OperationOutcome Outcome)>> PutsAsync(params Exception?[] ends)
    {
        var history = await RecordAsync(1, async worker =>
        {
            foreach (var end in ends)
            {
                await worker.DoAsync(new Call(Functions.Put) { Key = "k", Value = HistoryValue.Text(worker.UniqueValue()) }, () => end is null ? Task.FromResult(Answer.Ok()) : throw end);
            }
        });
        return history.Operations.Select(operation => (operation.Process, operation.Outcome));
    }

    private static async Task<History> RecordAsync(int workers, Func<Worker, Task> use)
    {
        var path = Path.GetTempFileName();
        try
        {
            await using var client = KvClient.Connect("kvraft://127.0.0.1:1");
            using (var recorder = new Recorder(path, new HistoryHeader { Workload = "register" }))
            {
                await Task.WhenAll(Enumerable.Range(0, workers).Select(number => Task.Run(() => use(new Worker(number, workers, number, client, "any", recorder)))));
            }

            using var text = new StreamReader(path);
            return History.Read(text);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
