using System.Globalization;
using System.Text;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Transactions of reads and appends on a few lists of one tag, judged by their dependency graph. A list is text, its elements joined by
/// commas; an append is a put of the longer list, on condition that every list the transaction touches is still the one it read.
/// </summary>
internal sealed class AppendWorkload : IWorkload
{
    private const int Tags = 3;
    private const int ListsPerTag = 3;
    private const int StepsMax = 4;

    /// <summary>Attempts of one transaction whose lists changed meanwhile; each certainly had no effect, so together they are one operation.</summary>
    private const int AttemptsMax = 4;

    // A list of 60 elements is read whole often enough and still short to send.
    private readonly KeyTurns _keys = new("", Tags * ListsPerTag, operationsPerKey: 60);

    public string Name => "append";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>();

    public Task PrepareAsync(IKvClient client) => TaggedKeyspace.CreateAsync(client);

    public Task StepAsync(Worker worker)
    {
        var tag = worker.Random.Next(Tags);
        var steps = new List<Step>();
        for (var left = worker.Random.Next(1, StepsMax + 1); left > 0; left--)
        {
            var slot = (tag * ListsPerTag) + worker.Random.Next(ListsPerTag);
            var key = string.Create(CultureInfo.InvariantCulture, $"{{t{tag}}}{_keys.Next(slot)}");
            steps.Add(new Step(key, worker.Random.Next(2) == 0 ? worker.UniqueNumber() : null));
        }

        return TransactAsync(worker, steps);
    }

    public async Task ReadBackAsync(Worker worker, CancellationToken cancel)
    {
        foreach (var list in _keys.All)
        {
            var tag = int.Parse(list.Split('.')[0], CultureInfo.InvariantCulture) / ListsPerTag;
            var key = string.Create(CultureInfo.InvariantCulture, $"{{t{tag}}}{list}");
            await ReadBack.UntilAnsweredAsync(() => TransactAsync(worker, [new Step(key, null)]), cancel);
        }
    }

    private static Task<Answer> TransactAsync(Worker worker, IReadOnlyList<Step> steps)
    {
        var call = new Call(Functions.Transaction) { Value = Describe(steps, null), IsRead = steps.All(step => step.Appended is null) };
        return worker.DoAsync(call, async () =>
        {
            for (var attempt = 0; attempt < AttemptsMax; attempt++)
            {
                if (await AttemptAsync(TaggedKeyspace.Of(worker), steps) is { } answer)
                {
                    return answer;
                }
            }

            return Answer.Fail(ErrorCodes.ChangedMeanwhile);
        });
    }

    /// <summary>One attempt; null if a list changed between the look and the commit.</summary>
    private static async Task<Answer?> AttemptAsync(IKeyspace<string, string> lists, IReadOnlyList<Step> steps)
    {
        var keys = steps.Select(step => step.Key).Distinct().ToList();
        var look = lists.Transaction();
        keys.ForEach(key => look.Then.Get(key));
        KvTransactionResult<string> seen;
        try
        {
            seen = await look.CommitAsync();
        }
        catch (KvException failure)
        {
            // A transaction that only reads has no effect, whatever became of it.
            return Answer.Fail($"look-{failure.Reason.ToLowerInvariant()}");
        }

        var now = new Dictionary<string, string>();
        var change = lists.Transaction();
        for (var place = 0; place < keys.Count; place++)
        {
            now[keys[place]] = seen.Items[place].Entry?.Value ?? "";
            change.When(keys[place], TaggedKeyspace.Unchanged(seen.Items[place].Entry));
        }

        foreach (var step in steps)
        {
            if (step.Appended is { } element)
            {
                now[step.Key] = string.Create(CultureInfo.InvariantCulture, $"{now[step.Key]}{(now[step.Key].Length == 0 ? "" : ",")}{element}");
                change.Then.Put(step.Key, now[step.Key]);
            }
            else
            {
                change.Then.Get(step.Key);
            }
        }

        var changed = await change.CommitAsync();
        if (changed is { Succeeded: true, ValuesNotKept: true })
        {
            // The answer to a repeated transaction lacks long values, and says so: what it read is not known.
            return new Answer(EventType.Info, Error: "values-not-kept");
        }

        return changed.Succeeded ? Answer.Ok(Describe(steps, changed.Items), changed.Version) : null;
    }

    private static HistoryValue Describe(IReadOnlyList<Step> steps, IReadOnlyList<KvTransactionItem<string>>? answered)
    {
        var text = new StringBuilder();
        for (var place = 0; place < steps.Count; place++)
        {
            text.Append(place == 0 ? "[" : ",");
            text.Append(steps[place].Appended is { } element
                ? string.Create(CultureInfo.InvariantCulture, $"[\"append\",\"{steps[place].Key}\",{element}]")
                : $"[\"r\",\"{steps[place].Key}\",{(answered is null ? "null" : $"[{answered[place].Entry?.Value}]")}]");
        }

        return HistoryValue.Json(text.Append(']').ToString());
    }

    /// <param name="Key">The list.</param>
    /// <param name="Appended">Null: a read.</param>
    private sealed record Step(string Key, long? Appended);
}
