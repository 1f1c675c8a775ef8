using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Transfers between the accounts of one tag while nodes die; no reader may ever see a sum that is not the total.</summary>
public sealed class TransactionTests(ITestOutputHelper output)
{
    private const int Shards = 4;
    private const int Accounts = 10;
    private const int Opening = 100;

    [Fact]
    public Task Transfers_keep_the_total_in_every_snapshot_while_leaders_are_killed() => TransferAsync(transfers: 1_500, kills: 2);

    [Fact]
    [Trait("Category", "Long")]
    public Task Thirty_thousand_transfers_keep_the_total_in_every_snapshot_while_leaders_are_killed() => TransferAsync(transfers: 30_000, kills: 10);

    [Fact]
    public Task Compare_and_set_increments_of_one_key_lose_nothing() => CompareAndSetAsync(increments: 800, kills: 1);

    [Fact]
    [Trait("Category", "Long")]
    public Task Ten_thousand_compare_and_set_increments_of_one_key_lose_nothing() => CompareAndSetAsync(increments: 10_000, kills: 6);

    private async Task TransferAsync(int transfers, int kills)
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        await using var client = cluster.Client();
        await client.Administration.Calls.CreateKeyspaceAsync(new KeyspaceInfo { Name = "bank", Routing = RoutingRule.Tag });
        var bank = client.TextKeyspace("bank");
        foreach (var account in Enumerable.Range(0, Accounts))
        {
            await bank.PutAsync(Account(account), Opening.ToString(CultureInfo.InvariantCulture));
        }

        var moved = 0;
        using var end = new CancellationTokenSource();
        var wrongTotals = new ConcurrentQueue<string>();
        var work = Task.WhenAll(Enumerable.Range(0, 16).Select(seed => Task.Run(async () =>
        {
            await using var own = cluster.Client();
            var chance = new Random(seed);
            while (Volatile.Read(ref moved) < transfers)
            {
                if (await TryMoveAsync(own.TextKeyspace("bank"), chance))
                {
                    Interlocked.Increment(ref moved);
                }
            }
        })));
        var snapshots = Task.WhenAll(Task.Run(() => ReadAsync(SumOfTransactionAsync)), Task.Run(() => ReadAsync(SumOfScanAsync)));
        var killer = new LeaderKiller(cluster, Shards);
        await Task.WhenAll(work, killer.FollowAsync(kills, () => (double)Volatile.Read(ref moved) / transfers, work));
        await end.CancelAsync();
        var read = (await snapshots).Sum();

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{moved} transfers, {read} snapshots, {killer.Kills} kills"));
        Assert.Empty(wrongTotals);
        Assert.Equal(Accounts * Opening, await SumOfTransactionAsync(bank));
        Assert.True(read > 0);

        async Task<int> ReadAsync(Func<IKeyspace<string, string>, Task<int>> sum)
        {
            var count = 0;
            while (!end.IsCancellationRequested)
            {
                try
                {
                    if (await sum(bank) is var total && total != Accounts * Opening)
                    {
                        wrongTotals.Enqueue($"{sum.Method.Name} saw {total}");
                    }

                    count++;
                }
                catch (KvException error) when (error.IsTransient)
                {
                    // No snapshot was read.
                }
            }

            return count;
        }
    }

    /// <summary>One attempt; false if another transfer came in between, or no node answered. An unknown outcome changes no total.</summary>
    private static async Task<bool> TryMoveAsync(IKeyspace<string, string> bank, Random chance)
    {
        var from = chance.Next(Accounts);
        var to = (from + 1 + chance.Next(Accounts - 1)) % Accounts;
        try
        {
            var (source, target) = (await bank.GetAsync(Account(from)), await bank.GetAsync(Account(to)));
            var balance = int.Parse(source.Value, CultureInfo.InvariantCulture);
            var amount = chance.Next(Math.Min(balance, 20) + 1);
            var transaction = bank.Transaction()
                .When(Account(from), KvCondition.VersionIs(source.Version))
                .When(Account(to), KvCondition.VersionIs(target.Version));
            transaction.Then
                .Put(Account(from), (balance - amount).ToString(CultureInfo.InvariantCulture))
                .Increment(Account(to), amount);
            return (await transaction.CommitAsync()).Succeeded;
        }
        catch (KvException error) when (error.IsTransient)
        {
            return false;
        }
    }

    /// <summary>All accounts at one index of the log.</summary>
    private static async Task<int> SumOfTransactionAsync(IKeyspace<string, string> bank)
    {
        var transaction = bank.Transaction();
        foreach (var account in Enumerable.Range(0, Accounts))
        {
            transaction.Then.Get(Account(account));
        }

        return (await transaction.CommitAsync()).Items.Sum(item => int.Parse(item.Entry!.Value.Value, CultureInfo.InvariantCulture));
    }

    /// <summary>All accounts in one chunk of a scan, which is one moment of their shard.</summary>
    private static async Task<int> SumOfScanAsync(IKeyspace<string, string> bank)
    {
        var sum = 0;
        await foreach (var pair in bank.ScanAsync(new KvScanOptions { Prefix = Encoding.UTF8.GetBytes("{bank}/") }))
        {
            sum += int.Parse(pair.Value, CultureInfo.InvariantCulture);
        }

        return sum;
    }

    private async Task CompareAndSetAsync(int increments, int kills)
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var first = cluster.Client();
        await first.TextKeyspace().PutAsync("number", "0");
        var issued = 0;
        var done = 0;
        var work = Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            await using var client = cluster.Client();
            while (Interlocked.Increment(ref issued) <= increments)
            {
                await IncrementAsync(client.TextKeyspace());
                Interlocked.Increment(ref done);
            }
        })));
        var killer = new LeaderKiller(cluster, shards: 1);
        await Task.WhenAll(work, killer.FollowAsync(kills, () => (double)Volatile.Read(ref done) / increments, work));

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{done} increments, {killer.Kills} kills"));
        Assert.Equal(increments.ToString(CultureInfo.InvariantCulture), (await first.TextKeyspace().GetAsync("number")).Value);
    }

    /// <summary>Read, compare, set, until one of the attempts was certainly applied.</summary>
    private static async Task IncrementAsync(IKeyspace<string, string> keyspace)
    {
        while (true)
        {
            try
            {
                var read = await keyspace.GetAsync("number");
                var next = (int.Parse(read.Value, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture);
                if ((await keyspace.PutIfExpectedAsync("number", next, KvCondition.VersionIs(read.Version))).Applied)
                {
                    return;
                }
            }
            catch (KvException error) when (error is { Outcome: KvOutcome.Unknown, RequestId: { } id })
            {
                if ((await keyspace.GetRequestResultAsync("number", id)).State == KvRequestState.Applied)
                {
                    return;
                }
            }
            catch (KvException error) when (error.IsTransient)
            {
                // Nothing was applied: repeat.
            }
        }
    }

    private static string Account(int number) => string.Create(CultureInfo.InvariantCulture, $"{{bank}}/{number}");
}
