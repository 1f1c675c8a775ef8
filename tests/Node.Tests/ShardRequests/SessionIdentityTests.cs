using Google.Protobuf;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.ShardRequests;

/// <summary>The identity of a write between the wire and the log, and the answer to a writer when the shard has no record of the session.</summary>
public sealed class SessionIdentityTests
{
    private static readonly ResponseHeader Answered = new() { Shard = 3, AppliedIndex = 4_711 };

    [Fact]
    public void An_index_counts_for_its_own_shard_only()
    {
        var identity = Identity();
        identity.After = new SeenIndex { Shard = 3, Index = 42 };

        Assert.Equal(42, CommandFields.ToStamp(identity, new ShardId(3)).After);
        Assert.Equal(0, CommandFields.ToStamp(identity, new ShardId(4)).After);
        identity.After = null;
        Assert.Equal(0, CommandFields.ToStamp(identity, new ShardId(0)).After);
    }

    [Fact]
    public void A_first_attempt_that_is_refused_was_not_executed_and_a_repeat_may_have_been()
    {
        var first = new RequestHeader { Identity = Identity() };
        first.Identity.FirstAttempt = true;
        var repeat = new RequestHeader { Identity = Identity() };

        Assert.Equal(Execution.NotExecuted, ShardRefusal.Of(RefusalReason.RequestIdExpired, first, Answered).Execution);
        Assert.Equal(Execution.Unknown, ShardRefusal.Of(RefusalReason.RequestIdExpired, repeat, Answered).Execution);
    }

    [Fact]
    public void The_refusal_has_the_index_to_send_instead()
    {
        var failure = ShardRefusal.Of(RefusalReason.RequestIdExpired, new RequestHeader { Identity = Identity() }, Answered);

        Assert.Equal([new("after_shard", "3"), new("after_index", "4711")], failure.Facts);
    }

    [Theory]
    [InlineData(-1, 0, "header.identity.after.shard")]
    [InlineData(0, -1, "header.identity.after.index")]
    [InlineData(int.MaxValue, long.MaxValue, null)]
    public void An_index_is_checked(int shard, long index, string? field)
    {
        var header = new RequestHeader { Identity = Identity() };
        header.Identity.After = new SeenIndex { Shard = shard, Index = index };

        Assert.Equal(field, RequestCheck.Write(header)?.Field);
    }

    [Fact]
    public void An_item_keeps_the_seen_index_and_the_first_attempt_of_its_request()
    {
        var identity = Identity();
        identity.After = new SeenIndex { Shard = 3, Index = 42 };
        identity.FirstAttempt = true;

        var item = ItemIdentity.Of(identity, 7)!;

        Assert.NotEqual(identity.ClientId, item.ClientId);
        Assert.Equal((identity.After, true), (item.After, item.FirstAttempt));
    }

    private static RequestIdentity Identity() => new()
    {
        ClientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray(bigEndian: true)),
        Sequence = 5,
        FirstUnacked = 2,
    };
}
