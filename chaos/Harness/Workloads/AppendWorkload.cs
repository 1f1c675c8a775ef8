using System.Globalization;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Transactions of reads and appends on a few lists of one tag, judged by their dependency graph. A list is text, its elements joined by
/// commas. An append is a put of the longer list, on condition that every list that the transaction uses is unchanged since its read.
/// <para>
/// One transaction of ten is sent twice under one request id, as by a writer whose answer was lost, and only the answer to the repeat is used. It must be
/// equal to the
/// first one, or be marked as incomplete. Faults alone cause few repeats with a remembered answer.
/// </para>
/// </summary>
internal sealed class AppendWorkload : IWorkload
{
    private const int Tags = 3;
    private const int ListsPerTag = 3;
    private const int StepsMax = 4;

    /// <summary>Attempts of one transaction whose lists changed meanwhile; each certainly had no effect, so together they are one operation.</summary>
    private const int AttemptsMax = 4;

    private const int TwiceInTen = 1;

    /// <summary>The answer to a repeated transaction lacks long values, and is marked so: the values of its reads are unknown.</summary>
    private static readonly Answer NotKept = new(EventType.Info, Error: "values-not-kept");

    private static readonly TimeSpan CallPatience = TimeSpan.FromSeconds(2);

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
            var twice = worker is { Raw: { } kv } && worker.Random.Next(10) < TwiceInTen ? kv : null;
            for (var attempt = 0; attempt < AttemptsMax; attempt++)
            {
                if (await (twice is null ? AttemptAsync(TaggedKeyspace.Of(worker), steps) : AttemptTwiceAsync(twice, steps)) is { } answer)
                {
                    return answer;
                }
            }

            return Answer.Fail(ErrorCodes.ChangedMeanwhile);
        });
    }

    /// <summary>One attempt; null if a list changed between the read and the commit.</summary>
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
            // A transaction that only reads has no effect, whatever its outcome.
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
                now[step.Key] = Longer(now[step.Key], element);
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
            return NotKept;
        }

        return changed.Succeeded ? Answer.Ok(Describe(steps, [.. changed.Items.Select(static item => item.Entry?.Value)]), changed.Version) : null;
    }

    /// <summary>The same on the wire, with the change sent twice. The answer to the first is discarded.</summary>
    private static async Task<Answer?> AttemptTwiceAsync(Kv.KvClient kv, IReadOnlyList<Step> steps)
    {
        var keys = steps.Select(step => step.Key).Distinct().ToList();
        TxnResponse seen;
        try
        {
            seen = await kv.TxnAsync(Request(keys.Select(static key => new TxnOperation { Get = new() { Key = ByteString.CopyFromUtf8(key) } })), deadline: DateTime.UtcNow + CallPatience);
        }
        catch (RpcException failure)
        {
            return Answer.Fail($"look-{failure.StatusCode}");
        }

        var change = Changing(steps, keys, seen);
        try
        {
            await kv.TxnAsync(change, deadline: DateTime.UtcNow + CallPatience);
        }
        catch (RpcException)
        {
            // Equivalent to a lost answer.
        }

        TxnResponse changed;
        try
        {
            changed = await kv.TxnAsync(change, deadline: DateTime.UtcNow + CallPatience);
        }
        catch (RpcException failure)
        {
            return new Answer(EventType.Info, Error: $"repeat-{failure.StatusCode}");
        }

        return !changed.Succeeded ? null
            : changed.Header.ValuesNotKept ? NotKept
            : Answer.Ok(Describe(steps, [.. changed.Results.Select(static result => result.State?.Value.ToStringUtf8())]), changed.Version);
    }

    private static TxnRequest Changing(IReadOnlyList<Step> steps, IReadOnlyList<string> keys, TxnResponse seen)
    {
        var now = new Dictionary<string, string>();
        var change = Request([]);
        change.Header.Identity = new RequestIdentity
        {
            ClientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()),
            Sequence = 1,
            FirstUnacked = 1,
            After = new SeenIndex { Shard = seen.Header.Shard, Index = seen.Header.AppliedIndex },
        };
        for (var place = 0; place < keys.Count; place++)
        {
            var result = seen.Results[place];
            now[keys[place]] = result.Found ? result.State.Value.ToStringUtf8() : "";
            change.Compares.Add(new TxnRequest.Types.Compare
            {
                Key = ByteString.CopyFromUtf8(keys[place]),
                Condition = result.Found ? new() { VersionEquals = result.State.Version } : new() { Absent = true },
            });
        }

        foreach (var step in steps)
        {
            var key = ByteString.CopyFromUtf8(step.Key);
            if (step.Appended is { } element)
            {
                now[step.Key] = Longer(now[step.Key], element);
                change.Success.Add(new TxnOperation { Put = new() { Key = key, Value = ByteString.CopyFromUtf8(now[step.Key]) } });
            }
            else
            {
                change.Success.Add(new TxnOperation { Get = new() { Key = key } });
            }
        }

        return change;
    }

    private static TxnRequest Request(IEnumerable<TxnOperation> operations) =>
        new() { Header = new RequestHeader { Keyspace = TaggedKeyspace.Name }, Success = { operations } };

    private static string Longer(string list, long element) => string.Create(CultureInfo.InvariantCulture, $"{list}{(list.Length == 0 ? "" : ",")}{element}");

    /// <param name="steps">The request.</param>
    /// <param name="answered">The value that each step has read; null: there is no answer.</param>
    private static HistoryValue Describe(IReadOnlyList<Step> steps, IReadOnlyList<string?>? answered)
    {
        var text = new StringBuilder();
        for (var place = 0; place < steps.Count; place++)
        {
            text.Append(place == 0 ? "[" : ",");
            text.Append(steps[place].Appended is { } element
                ? string.Create(CultureInfo.InvariantCulture, $"[\"append\",\"{steps[place].Key}\",{element}]")
                : $"[\"r\",\"{steps[place].Key}\",{(answered is null ? "null" : $"[{answered[place]}]")}]");
        }

        return HistoryValue.Json(text.Append(']').ToString());
    }

    /// <param name="Key">The list.</param>
    /// <param name="Appended">Null: a read.</param>
    private sealed record Step(string Key, long? Appended);
}
