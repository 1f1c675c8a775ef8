using System.Security.Cryptography;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;
using Condition = KvRaft.V1.Condition;
using WriteOptions = KvRaft.V1.WriteOptions;

namespace KvRaft.Node.Tests.Running;

public sealed class SingleKeyTests(SingleNode node) : IClassFixture<SingleNode>
{
    private readonly Kv.KvClient _kv = node.Cluster.Kv(0);

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    [Fact]
    public async Task Reads_the_written_value_and_returns_the_node_that_answered()
    {
        var put = await _kv.PutAsync(new PutRequest { Key = Bytes("single/a"), Value = Bytes("1") });
        var get = await _kv.GetAsync(new GetRequest { Key = Bytes("single/a") });

        Assert.True(put.Applied);
        Assert.True(get.Found);
        Assert.Equal("1", get.Current.Value.ToStringUtf8());
        Assert.Equal(put.Version, get.Current.Version);
        Assert.Equal("n1", get.Header.ServedBy);
        Assert.Equal(ServedRole.Leader, get.Header.RoleServed);
        Assert.Equal(Consistency.Linearizable, get.Header.ConsistencyDelivered);
        Assert.Equal(Durability.QuorumFsync, put.Header.DurabilityReached);
        Assert.Equal("7c41e200-0000-4000-8000-000000000001", get.Header.ClusterId);
        Assert.True(get.Header.AppliedIndex >= put.Header.AppliedIndex);
    }

    [Fact]
    public async Task An_increment_takes_a_condition_and_a_repetition_gets_the_first_answer()
    {
        var key = Bytes("single/conditional");
        var first = await _kv.IncrementAsync(new IncrementRequest { Key = key, Delta = 2, Condition = new() { Absent = true } });
        var failing = new IncrementRequest
        {
            Header = new() { Identity = new() { ClientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()), Sequence = 1, FirstUnacked = 1 } },
            Key = key,
            Delta = 2,
            Condition = new() { Absent = true },
        };
        var (failed, again) = (await _kv.IncrementAsync(failing), await _kv.IncrementAsync(failing));
        var held = await _kv.IncrementAsync(new IncrementRequest { Key = key, Delta = 3, Condition = new() { VersionEquals = first.Version } });

        Assert.Equal((2L, false), (first.Value, first.ConditionFailed));
        Assert.Equal((true, first.Version, false), (failed.ConditionFailed, failed.Version, failed.Header.Deduplicated));
        Assert.Equal((true, first.Version, true), (again.ConditionFailed, again.Version, again.Header.Deduplicated));
        Assert.Equal((5L, false), (held.Value, held.ConditionFailed));
    }

    [Fact]
    public async Task A_condition_that_fails_is_an_ok_answer_with_what_is_there()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/b"), Value = Bytes("old") });

        var answer = await _kv.PutIfExpectedAsync(new PutRequest
        {
            Key = Bytes("single/b"),
            Value = Bytes("new"),
            Condition = new Condition { Absent = true },
        });

        Assert.False(answer.Applied);
        Assert.Equal(0, answer.Version);
        Assert.Equal("old", answer.Current.Value.ToStringUtf8());
        Assert.Null(answer.Previous);
    }

    [Fact]
    public async Task A_write_sent_twice_is_applied_once_and_answered_twice()
    {
        var request = new IncrementRequest
        {
            Header = new RequestHeader { Identity = Identity(sequence: 1) },
            Key = Bytes("single/counter"),
            Delta = 5,
            Initial = 10,
        };

        var first = await _kv.IncrementAsync(request);
        var second = await _kv.IncrementAsync(request);

        Assert.Equal((15, false), (first.Value, first.Header.Deduplicated));
        Assert.Equal((15, true), (second.Value, second.Header.Deduplicated));
        Assert.Equal(first.Version, second.Version);
    }

    [Fact]
    public async Task A_long_value_is_compared_by_its_hash()
    {
        var value = new byte[5_000];
        Random.Shared.NextBytes(value);
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/hash"), Value = ByteString.CopyFrom(value) });
        PutRequest If(byte[] there) => new()
        {
            Key = Bytes("single/hash"),
            Value = Bytes("new"),
            Condition = new Condition { ValueSha256Equals = ByteString.CopyFrom(SHA256.HashData(there)) },
        };

        Assert.False((await _kv.PutIfExpectedAsync(If([1, 2, 3]))).Applied);
        Assert.True((await _kv.PutIfExpectedAsync(If(value))).Applied);
        Assert.False((await _kv.PutIfExpectedAsync(If(value))).Applied);
    }

    [Fact]
    public async Task A_repeated_touch_and_increment_answer_the_expiry_of_the_first()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/twice"), Value = Bytes("x") });
        var touch = new TouchRequest
        {
            Header = new RequestHeader { Identity = Identity(sequence: 1) },
            Key = Bytes("single/twice"),
            Options = new WriteOptions { TtlMs = 60_000 },
        };
        var add = new IncrementRequest
        {
            Header = new RequestHeader { Identity = Identity(sequence: 1) },
            Key = Bytes("single/twice-number"),
            Delta = 1,
            Options = new WriteOptions { TtlMs = 60_000 },
        };

        var (touched, added) = (await _kv.TouchAsync(touch), await _kv.IncrementAsync(add));
        await Task.Delay(5);
        var (touchedAgain, addedAgain) = (await _kv.TouchAsync(touch), await _kv.IncrementAsync(add));

        Assert.True(touchedAgain.Header.Deduplicated && addedAgain.Header.Deduplicated);
        Assert.Equal((touched.ExpireAtMs, added.ExpireAtMs), (touchedAgain.ExpireAtMs, addedAgain.ExpireAtMs));
        Assert.Equal(touched.ExpireAtMs, (await _kv.GetAsync(new GetRequest { Key = Bytes("single/twice") })).Current.ExpireAtMs);
        Assert.Equal(added.ExpireAtMs, (await _kv.GetAsync(new GetRequest { Key = Bytes("single/twice-number") })).Current.ExpireAtMs);
    }

    /// <summary>
    /// The shard's clock advances by entries only, a quarter of a second apart without writes: a read in between must not show a value that has
    /// expired by the leader's own clock.
    /// </summary>
    [Fact]
    public async Task A_read_that_begins_after_the_expiry_does_not_see_the_key()
    {
        for (var i = 0; i < 20; i++)
        {
            var key = Bytes($"single/over/{i}");
            await _kv.PutAsync(new PutRequest { Key = key, Value = Bytes("x"), Options = new WriteOptions { TtlMs = 1 } });

            // By the clock that defines the expiry: a timer of 3 ms was seen to end after 1.03 ms, and once early enough to find the key.
            for (var over = DateTimeOffset.UtcNow.AddMilliseconds(2); DateTimeOffset.UtcNow < over;)
            {
                await Task.Delay(1);
            }

            Assert.False((await _kv.GetAsync(new GetRequest { Key = key })).Found);
            using var scan = _kv.Scan(new ScanRequest { Prefix = key });
            Assert.Empty(await scan.ResponseStream.ReadAllAsync().SelectMany(chunk => chunk.Items.ToAsyncEnumerable()).ToListAsync());
        }
    }

    [Fact]
    public async Task Deletes_and_answers_what_was_there()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/c"), Value = Bytes("x") });

        var gone = await _kv.DeleteAsync(new DeleteRequest { Key = Bytes("single/c"), Options = new WriteOptions { ReturnPrevious = true } });
        var again = await _kv.DeleteAsync(new DeleteRequest { Key = Bytes("single/c") });

        Assert.True(gone is { Applied: true, Existed: true });
        Assert.Equal("x", gone.Previous.Value.ToStringUtf8());
        Assert.True(again is { Applied: true, Existed: false });
        Assert.False((await _kv.GetAsync(new GetRequest { Key = Bytes("single/c") })).Found);
    }

    [Fact]
    public async Task A_key_with_a_time_to_live_expires_without_writes()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/ttl"), Value = Bytes("x"), Options = new WriteOptions { TtlMs = 1 } });

        // The ticker advances the shard's clock; this test requires that it does, not how soon.
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        while ((await _kv.GetAsync(new GetRequest { Key = Bytes("single/ttl") }, cancellationToken: patience.Token)).Found)
        {
            await Task.Delay(10, patience.Token);
        }
    }

    [Fact]
    public async Task Touch_moves_the_expiry_and_misses_an_absent_key()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/touch"), Value = Bytes("x") });

        var touched = await _kv.TouchAsync(new TouchRequest { Key = Bytes("single/touch"), Options = new WriteOptions { ExpireAtMs = 9_999_999_999_999 } });
        var missed = await _kv.TouchAsync(new TouchRequest { Key = Bytes("single/nobody"), Options = new WriteOptions { NoExpiry = true } });

        Assert.True(touched is { Applied: true, Found: true, ExpireAtMs: 9_999_999_999_999 });
        Assert.True(missed is { Applied: false, Found: false });
        Assert.Equal(9_999_999_999_999, (await _kv.GetAsync(new GetRequest { Key = Bytes("single/touch") })).Current.ExpireAtMs);
    }

    [Fact]
    public async Task A_get_can_leave_out_what_the_caller_has()
    {
        var put = await _kv.PutAsync(new PutRequest { Key = Bytes("single/d"), Value = Bytes("long") });

        var same = await _kv.GetAsync(new GetRequest { Key = Bytes("single/d"), IfVersionNot = put.Version });
        var head = await _kv.GetAsync(new GetRequest { Key = Bytes("single/d"), HeadOnly = true });

        Assert.True(same is { Found: true, NotModified: true });
        Assert.True(same.Current.Value.IsEmpty && head.Current.Value.IsEmpty);
        Assert.Equal(put.Version, head.Current.Version);
    }

    [Fact]
    public async Task An_increment_of_text_is_refused_and_nothing_changes()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("single/text"), Value = Bytes("abc") });

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await _kv.IncrementAsync(new IncrementRequest { Key = Bytes("single/text"), Delta = 1 }));

        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Equal("NOT_A_NUMBER", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task Asking_for_a_version_the_shard_has_not_reached_is_refused()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _kv.GetAsync(new GetRequest
        {
            Key = Bytes("single/e"),
            Options = new ReadOptions { AtLeast = new() { Version = long.MaxValue } },
        }));

        Assert.Equal("STALE_REPLICA", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    private static RequestIdentity Identity(long sequence) => new()
    {
        ClientId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)),
        Sequence = sequence,
        FirstUnacked = 1,
    };
}
