using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Google.Protobuf;
using Grpc.Core;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>The features of the typed client, against three real processes.</summary>
public sealed class ClientTests(ThreeProcesses processes) : IClassFixture<ThreeProcesses>
{
    private readonly KvClient _client = processes.Client;

    [Fact]
    public async Task A_transaction_executes_one_branch_and_returns_its_results()
    {
        var keyspace = await KeyspaceAsync("transactions", RoutingRule.Tag);
        await keyspace.PutAsync("{cart}/total", "10");

        var added = keyspace.Transaction().When("{cart}/total", KvCondition.ValueIs("10"u8.ToArray()));
        added.Then.Increment("{cart}/total", 5, new KvIncrementOptions { Max = 20 }).Put("{cart}/last", "apple").Get("{cart}/last");
        added.Otherwise.Get("{cart}/total");
        var first = await added.CommitAsync();

        var again = keyspace.Transaction().When("{cart}/total", KvCondition.ValueIs("10"u8.ToArray()));
        again.Then.Delete("{cart}/total");
        again.Otherwise.Get("{cart}/total");
        var second = await again.CommitAsync();

        Assert.Equal((true, 15L, "apple"), (first.Succeeded, first.Items[0].Number, first.Items[2].Entry!.Value.Value));
        Assert.Equal((false, "15"), (second.Succeeded, second.Items[0].Entry!.Value.Value));
        var tooMuch = keyspace.Transaction();
        tooMuch.Then.Put("{cart}/last", "pear").Increment("{cart}/total", 6, new KvIncrementOptions { Max = 20 });
        var error = await Assert.ThrowsAsync<KvException>(async () => await tooMuch.CommitAsync());
        Assert.Equal(("OUT_OF_BOUNDS", false, KvOutcome.NotApplied), (error.Reason, error.IsTransient, error.Outcome));
        Assert.Equal("apple", (await keyspace.GetAsync("{cart}/last")).Value);
    }

    [Fact]
    public async Task A_transaction_returns_previous_values_on_request()
    {
        var keyspace = await KeyspaceAsync("previous", RoutingRule.Tag);
        await keyspace.PutAsync("{cart}/a", "apple");
        await keyspace.PutAsync("{cart}/b", "banana");

        var transaction = keyspace.Transaction();
        transaction.Then
            .Put("{cart}/a", "pear", returnPrevious: true).Put("{cart}/a", "plum", returnPrevious: true).Put("{cart}/b", "cherry")
            .Delete("{cart}/b", returnPrevious: true).Delete("{cart}/b", returnPrevious: true).Put("{cart}/c", "new", returnPrevious: true).Delete("{cart}/a");
        var result = await transaction.CommitAsync();

        Assert.Equal(
            [(true, "apple"), (true, "pear"), (true, null), (true, "cherry"), (false, null), (false, null), (true, null)],
            result.Items.Select(static item => (item.Found, item.Entry?.Value)));
    }

    [Fact]
    public async Task A_transaction_over_several_shards_is_refused_for_good()
    {
        var keyspace = await KeyspaceAsync("scattered");
        var transaction = keyspace.Transaction();
        foreach (var i in Enumerable.Range(0, 20))
        {
            transaction.Then.Put($"key-{i}", "x");
        }

        var error = await Assert.ThrowsAsync<KvException>(async () => await transaction.CommitAsync());

        Assert.Equal((ErrorReasons.CrossShardAtomic, false), (error.Reason, error.IsTransient));
        Assert.Contains(error.Details.Keys, name => name.StartsWith("shard.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_outcome_of_a_write_that_was_never_sent_is_not_seen()
    {
        var result = await _client.TextKeyspace().GetRequestResultAsync("key", new KvRequestId(Guid.CreateVersion7(), 1));

        Assert.Equal(new KvRequestResult(KvRequestState.NotSeen, 0), result);
    }

    [Fact]
    public async Task Expected_misses_are_results()
    {
        var keyspace = _client.TextKeyspace();

        Assert.False((await keyspace.GetAsync("misses/none")).Found);
        Assert.False((await keyspace.TouchAsync("misses/none", KvExpiry.Never)).Applied);
        Assert.False((await keyspace.PutIfExpectedAsync("misses/none", "x", KvCondition.Present)).Applied);
        Assert.False((await keyspace.GetTimeToLiveAsync("misses/none")).Found);
        Assert.True(await keyspace.DeleteAsync("misses/none") is { Applied: true, Existed: false });
    }

    [Fact]
    public async Task A_long_value_is_compared_by_its_hash()
    {
        var keyspace = _client.TextKeyspace();
        var value = new string('v', 5_000);
        await keyspace.PutAsync("hash", value);

        Assert.False((await keyspace.PutIfExpectedAsync("hash", "new", KvCondition.ValueIs(Encoding.UTF8.GetBytes(value + "v")))).Applied);
        Assert.True((await keyspace.PutIfExpectedAsync("hash", "new", KvCondition.ValueIs(Encoding.UTF8.GetBytes(value)))).Applied);
    }

    [Fact]
    public async Task A_time_to_live_can_be_set_queried_and_removed()
    {
        var keyspace = _client.TextKeyspace();
        await keyspace.PutAsync("life", "x", TimeSpan.FromHours(1));
        var given = await keyspace.GetTimeToLiveAsync("life");
        var persisted = await keyspace.PersistAsync("life");

        Assert.InRange(given.Remaining!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        Assert.True(persisted.Applied);
        Assert.Equal(new KvTimeToLive(true, null), await keyspace.GetTimeToLiveAsync("life"));
    }

    [Fact]
    public async Task Scans_are_ordered_in_both_directions_and_ranges_are_deleted()
    {
        var keyspace = await KeyspaceAsync("ranges");
        var keys = Enumerable.Range(0, 300).Select(i => string.Create(CultureInfo.InvariantCulture, $"k{i:d3}")).ToArray();
        await keyspace.MultiSetAsync(keys.Select(key => new KvMultiSetItem<string, string> { Key = key, Value = key }));

        Assert.Equal(keys, await KeysAsync(keyspace, new KvScanOptions { Ordered = true }));
        Assert.Equal(keys.Reverse().Take(50), await KeysAsync(keyspace, new KvScanOptions { Ordered = true, Reverse = true, Limit = 50, KeysOnly = true }));
        Assert.Equal(100, await keyspace.DeleteRangeAsync(new KvDeleteRange { Prefix = "k1"u8.ToArray() }));
        Assert.Equal(200, await keyspace.DeleteRangeAsync(KvDeleteRange.Everything));
        Assert.Empty(await KeysAsync(keyspace, new KvScanOptions()));
    }

    [Fact]
    public async Task Reads_return_the_level_that_was_delivered()
    {
        var keyspace = _client.TextKeyspace();
        var put = await keyspace.PutAsync("named", "x");

        var own = await keyspace.GetAsync("named", new KvReadOptions { Consistency = KvConsistency.AtLeast(put.Version) });
        var bounded = await keyspace.GetAsync("named", new KvReadOptions { Consistency = KvConsistency.Bounded(TimeSpan.FromMinutes(1)) });
        var session = await keyspace.GetAsync("named", new KvReadOptions { Consistency = KvConsistency.AtLeast(_client.Session) });
        Assert.True(session.Version >= put.Version);
        var scanned = await keyspace.ScanAsync(new KvScanOptions { Prefix = "named"u8.ToArray(), Consistency = KvConsistency.AtLeast(KvSession.Parse(_client.Session.ToString())) }).ToListAsync();
        Assert.Contains(scanned, pair => pair.Key == "named" && pair.Version >= put.Version);
        var lease = await keyspace.GetAsync("named", new KvReadOptions { Consistency = KvConsistency.LeaderLease });

        Assert.True(own.Version >= put.Version);
        Assert.InRange(bounded.Staleness, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.NotNull(bounded.ServedBy);
        Assert.Equal((KvConsistencyLevel.Linearizable, true), (lease.Delivered, lease.ServedByLeader));
    }

    [Fact]
    public async Task A_keyspace_is_altered_and_its_limits_are_known()
    {
        var keyspace = await KeyspaceAsync("altered");
        var altered = await _client.Administration.Calls.AlterKeyspaceAsync("altered", TimeSpan.FromHours(2), valueBytesMax: 10);
        var limits = await _client.Administration.Calls.GetLimitsAsync();

        Assert.Equal((7_200_000L, 10), (altered.TtlDefaultMs, altered.ValueBytesMax));
        Assert.True(limits is { KeyspacesMax: > 0, SessionOutcomesMax: > 0, ScanKeysMax: > 0, MultiKeysMax: 256 });
        Assert.NotNull(keyspace);
    }

    [Fact]
    public async Task Batches_are_independent_or_atomic()
    {
        var keyspace = await KeyspaceAsync("batches", RoutingRule.Tag);
        await keyspace.PutAsync("{b}/1", "old");
        KvMultiSetItem<string, string>[] items =
        [
            new() { Key = "{b}/1", Value = "new", Condition = KvCondition.Absent },
            new() { Key = "{b}/2", Value = "new" },
        ];

        var atOnce = await keyspace.MultiSetAsync(items, atomicity: KvAtomicity.Shard);
        var readBetween = await keyspace.GetAsync("{b}/2");
        var each = await keyspace.MultiSetAsync(items);
        var applied = await keyspace.MultiSetAsync([.. items.Skip(1), new() { Key = "{b}/1", Delete = true }], atomicity: KvAtomicity.Shard);
        var error = await Assert.ThrowsAsync<KvException>(async () => await keyspace.MultiSetAsync(
            Enumerable.Range(0, 20).Select(i => new KvMultiSetItem<string, string> { Key = $"{{{i}}}", Value = "x" }), atomicity: KvAtomicity.Shard));

        Assert.All(atOnce, item => Assert.False(item.Result.Applied));
        Assert.Equal("old", atOnce[0].Result.Current!.Value.Value);
        Assert.False(readBetween.Found);
        Assert.Equal([false, true], each.Select(item => item.Result.Applied));
        Assert.Single(applied.Select(item => item.Result.Version).Distinct());
        Assert.False((await keyspace.GetAsync("{b}/1")).Found);
        Assert.Equal((ErrorReasons.CrossShardAtomic, KvOutcome.NotApplied), (error.Reason, error.Outcome));
    }

    [Fact]
    public async Task An_increment_takes_a_condition()
    {
        var keyspace = _client.TextKeyspace();
        var first = await keyspace.IncrementAsync("conditional", 2, new KvIncrementOptions { Condition = KvCondition.Absent });
        var failed = await keyspace.IncrementAsync("conditional", 2, new KvIncrementOptions { Condition = KvCondition.Absent });
        var held = await keyspace.IncrementAsync("conditional", 3, new KvIncrementOptions { Condition = KvCondition.VersionIs(first.Version) });

        Assert.Equal((2L, false), (first.Value, first.ConditionFailed));
        Assert.Equal((true, first.Version), (failed.ConditionFailed, failed.Version));
        Assert.Equal((5L, false), (held.Value, held.ConditionFailed));
    }

    /// <summary>Nodes receive a change one after the other; the next node that this client calls must not answer from the state before it.</summary>
    [Fact]
    public async Task A_change_of_a_keyspace_is_in_force_on_every_node_for_the_client_that_made_it()
    {
        var keyspace = await KeyspaceAsync("changing");
        foreach (var bytes in Enumerable.Range(1, 20))
        {
            await _client.Administration.Calls.AlterKeyspaceAsync("changing", valueBytesMax: bytes);
            foreach (var key in Enumerable.Range(0, 8))
            {
                Assert.True((await keyspace.PutAsync($"{key}", new string('x', bytes))).Applied);
                var error = await Assert.ThrowsAsync<KvException>(async () => await keyspace.PutAsync($"{key}", new string('x', bytes + 1)));
                Assert.Equal(ErrorReasons.LimitExceeded, error.Reason);
            }
        }
    }

    /// <summary>
    /// A script altered a keyspace by one process and wrote by the next, through another node; that node accepted a write that was no longer allowed.
    /// </summary>
    [Fact]
    public async Task A_change_of_a_keyspace_is_in_force_for_all_clients_once_it_is_answered()
    {
        await KeyspaceAsync("changed-by-another");
        foreach (var bytes in Enumerable.Range(1, 20))
        {
            await _client.Administration.Calls.AlterKeyspaceAsync("changed-by-another", valueBytesMax: bytes);
            foreach (var node in processes.Kv)
            {
                var put = new PutRequest
                {
                    Header = new RequestHeader { Keyspace = "changed-by-another" },
                    Key = ByteString.CopyFromUtf8("k"),
                    Value = ByteString.CopyFrom(new byte[bytes]),
                };
                await node.PutAsync(put);
                put.Value = ByteString.CopyFrom(new byte[bytes + 1]);
                var error = await Assert.ThrowsAsync<RpcException>(async () => await node.PutAsync(put));
                Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
            }
        }
    }

    [Fact]
    public async Task No_value_outlives_the_limit_of_its_keyspace()
    {
        var keyspace = await KeyspaceAsync("brief");
        await _client.Administration.Calls.AlterKeyspaceAsync("brief", timeToLiveMax: TimeSpan.FromHours(1));

        await keyspace.PutAsync("a", "x");
        var error = await Assert.ThrowsAsync<KvException>(async () => await keyspace.PutAsync("a", "x", TimeSpan.FromHours(2)));

        Assert.InRange((await keyspace.GetTimeToLiveAsync("a")).Remaining!.Value, TimeSpan.FromMinutes(30), TimeSpan.FromHours(1));
        Assert.Equal((ErrorReasons.LimitExceeded, "3600000"), (error.Reason, error.Details["limit"]));
    }

    [Fact]
    public async Task A_read_may_be_asked_of_two_nodes()
    {
        var keyspace = _client.TextKeyspace();
        await keyspace.PutAsync("hedged", "x");

        Assert.Equal("x", (await keyspace.GetAsync("hedged", new KvReadOptions { HedgeAfter = TimeSpan.FromTicks(1) })).Value);
    }

    [Fact]
    public async Task The_previous_value_is_returned_on_request()
    {
        var keyspace = _client.TextKeyspace();
        var asking = new KvWriteOptions { ReturnPrevious = true };
        var first = await keyspace.PutAsync("previous", "1", asking);
        var second = await keyspace.PutAsync("previous", "2", asking);
        var deleted = await keyspace.DeleteAsync("previous", asking);

        Assert.Null(first.Previous);
        Assert.Equal(("1", first.Version), (second.Previous!.Value.Value, second.Previous.Value.Version));
        Assert.Equal(("2", true), (deleted.Previous!.Value.Value, deleted.Existed));
        Assert.Null((await keyspace.PutAsync("previous", "3")).Previous);
    }

    [Fact]
    public async Task A_counter_starts_at_its_initial_value_and_stays_within_its_bounds()
    {
        var keyspace = _client.TextKeyspace();
        var bounded = new KvIncrementOptions { Initial = 10, Min = 0, Max = 20 };

        Assert.Equal(15, (await keyspace.IncrementAsync("bounded", 5, bounded)).Value);
        Assert.Equal(0, (await keyspace.IncrementAsync("bounded", -15, bounded)).Value);
        var error = await Assert.ThrowsAsync<KvException>(async () => await keyspace.IncrementAsync("bounded", -1, bounded));
        Assert.Equal((ErrorReasons.OutOfBounds, KvOutcome.NotApplied), (error.Reason, error.Outcome));
        Assert.Equal("0", (await keyspace.GetAsync("bounded")).Value);
    }

    [Fact]
    public async Task A_keyspace_is_created_and_dropped_while_another_is_used()
    {
        using var end = new CancellationTokenSource();
        var written = 0;
        var use = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                await _client.TextKeyspace().PutAsync("used", "x");
                Interlocked.Increment(ref written);
            }
        });
        var administration = _client.Administration;
        var orders = await KeyspaceAsync("orders", RoutingRule.Tag);
        await orders.PutAsync("{1}/item", "pear");
        await administration.AlterKeyspaceAsync("orders", timeToLiveDefault: TimeSpan.FromHours(1));
        await orders.PutAsync("{1}/count", "1");

        Assert.Equal(KvKeyRouting.Tag, (await administration.GetKeyspaceAsync("orders")).Routing);
        Assert.Contains("orders", (await administration.ListKeyspacesAsync()).Select(each => each.Name));
        Assert.Equal(new KvTimeToLive(true, null), await orders.GetTimeToLiveAsync("{1}/item"));
        Assert.NotNull((await orders.GetTimeToLiveAsync("{1}/count")).Remaining);

        Assert.Equal(TimeSpan.FromHours(1), (await administration.GetKeyspaceAsync("orders")).TimeToLiveDefault);
        var map = await administration.GetClusterMapAsync();
        Assert.Equal(map.Shards.Count, (await administration.ShowRingAsync()).Shards.Count);
        Assert.Equal(map.Nodes.Select(each => each.Name).Order(), (await administration.ListNodesAsync()).Nodes.Select(each => each.Name));
        Assert.Equal(map.Nodes[0].Name, (await administration.GetStatusAsync(map.Nodes[0].Endpoint)).Node);
        Assert.NotEmpty(await administration.ListSchedulersAsync());

        await administration.DropKeyspaceAsync("orders");
        var gone = await Assert.ThrowsAsync<KvException>(async () => await orders.GetAsync("{1}/item"));
        Assert.Equal((ErrorReasons.KeyspaceNotFound, false), (gone.Reason, gone.IsTransient));
        Assert.False((await (await KeyspaceAsync("orders", RoutingRule.Tag)).GetAsync("{1}/item")).Found);

        await end.CancelAsync();
        await use;
        Assert.True(written > 0);
    }

    [Fact]
    public async Task Values_may_be_bytes_or_objects()
    {
        var bytes = _client.Keyspace();
        var cart = _client.Keyspace("default", KvSerializers.Utf8, KvSerializers.Json(ShopJson.Default.Cart));
        byte[] noText = [0, 255, 128];

        await bytes.PutAsync(noText, noText);
        await cart.PutAsync("typed", new Cart("pear", 3));

        Assert.Equal(noText, (await bytes.GetAsync(noText)).Value.ToArray());
        Assert.Equal(new Cart("pear", 3), (await cart.GetAsync("typed")).Value);
        Assert.Equal("""{"Item":"pear","Count":3}""", (await _client.TextKeyspace().GetAsync("typed")).Value);
    }

    private static async Task<List<string>> KeysAsync(IKeyspace<string, string> keyspace, KvScanOptions options)
    {
        var keys = new List<string>();
        await foreach (var pair in keyspace.ScanAsync(options))
        {
            keys.Add(pair.Key);
        }

        return keys;
    }

    private async Task<IKeyspace<string, string>> KeyspaceAsync(string name, RoutingRule routing = RoutingRule.WholeKey)
    {
        await _client.Administration.Calls.CreateKeyspaceAsync(new KeyspaceInfo { Name = name, Routing = routing }, ifNotExists: true);
        return _client.TextKeyspace(name);
    }
}

internal sealed record Cart(string Item, int Count);

[JsonSerializable(typeof(Cart))]
internal sealed partial class ShopJson : JsonSerializerContext;
