using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Accounts inside one tag. A transfer reads both balances and moves money in one transaction if neither has changed; reads take all
/// balances at one position of the log. No account may go below zero, and the total never changes.
/// </summary>
internal sealed class BankWorkload : IWorkload
{
    private const int Accounts = 8;
    private const long Opening = 1000;

    private static readonly string[] Names = [.. Enumerable.Range(0, Accounts).Select(number => string.Create(CultureInfo.InvariantCulture, $"a{number}"))];

    public string Name => "bank";

    public IReadOnlyDictionary<string, long> Parameters { get; } =
        Names.ToDictionary(name => $"balance:{name}", _ => Opening).Append(new("total", Accounts * Opening)).ToDictionary();

    public async Task PrepareAsync(IKvClient client)
    {
        await TaggedKeyspace.CreateAsync(client);
        var opening = client.TextKeyspace(TaggedKeyspace.Name).Transaction();
        foreach (var name in Names)
        {
            opening.Then.Put(KeyOf(name), Opening.ToString(CultureInfo.InvariantCulture));
        }

        await opening.CommitAsync(TimeSpan.FromSeconds(30));
    }

    public Task StepAsync(Worker worker) => worker.Random.Next(3) == 0 ? ReadAsync(worker) : TransferAsync(worker);

    public Task ReadBackAsync(Worker worker, CancellationToken cancel) => ReadBack.UntilAnsweredAsync(() => ReadAsync(worker), cancel);

    private static string KeyOf(string account) => $"{{bank}}{account}";

    private static Task<Answer> ReadAsync(Worker worker) =>
        worker.DoAsync(new Call(Functions.Read) { IsRead = true }, async () =>
        {
            var all = TaggedKeyspace.Of(worker).Transaction();
            foreach (var name in Names)
            {
                all.Then.Get(KeyOf(name));
            }

            var answer = await all.CommitAsync();
            return Answer.Ok(HistoryValue.Json($"{{{string.Join(',', Names.Zip(answer.Items, (name, item) => $"\"{name}\":{item.Entry?.Value ?? "0"}"))}}}"));
        });

    private static Task TransferAsync(Worker worker)
    {
        var from = worker.Random.Next(Accounts);
        var to = (from + worker.Random.Next(1, Accounts)) % Accounts;
        var amount = worker.Random.Next(1, 200);
        var call = new Call(Functions.Transfer)
        {
            Value = HistoryValue.Json(string.Create(CultureInfo.InvariantCulture, $"{{\"from\":\"{Names[from]}\",\"to\":\"{Names[to]}\",\"amount\":{amount}}}")),
        };
        return worker.DoAsync(call, () => MoveAsync(TaggedKeyspace.Of(worker), KeyOf(Names[from]), KeyOf(Names[to]), amount));
    }

    private static async Task<Answer> MoveAsync(IKeyspace<string, string> bank, string from, string to, long amount)
    {
        var look = bank.Transaction();
        look.Then.Get(from).Get(to);
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

        var (payer, payee) = (seen.Items[0].Entry, seen.Items[1].Entry);
        var balance = Balance(payer);
        if (balance < amount)
        {
            return Answer.Fail(ErrorCodes.Poor);
        }

        var move = bank.Transaction().When(from, TaggedKeyspace.Unchanged(payer)).When(to, TaggedKeyspace.Unchanged(payee));
        move.Then.Put(from, Text(balance - amount)).Put(to, Text(Balance(payee) + amount));
        var moved = await move.CommitAsync();
        return moved.Succeeded ? Answer.Ok(revision: moved.Version) : Answer.Fail(ErrorCodes.ChangedMeanwhile);
    }

    private static long Balance(KvEntry<string>? entry) => entry is { } held ? long.Parse(held.Value, CultureInfo.InvariantCulture) : 0;

    private static string Text(long balance) => balance.ToString(CultureInfo.InvariantCulture);
}
