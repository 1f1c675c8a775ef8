using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Node.ShardRequests;

/// <summary>One single-key read on its way to its shard's leader; the same for unary calls and pipes.</summary>
internal readonly struct SingleKeyReadRequest(
    SingleKeyRead operation, PipeCall call, KeyspaceId keyspace, AnswerHeaders headers, AnswerRoom room, TimeProvider time) : IShardRequest<PipeAnswer>
{
    public bool IsWrite => false;

    public async ValueTask<Answered<PipeAnswer>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        if (ReadGate.CheckLeader(replica, operation.OptionsOf(call)) is { } stale)
        {
            return stale;
        }

        // A key that has expired by the clock of this leader is not shown, and is made to expire for the next leader too.
        if (IsOver(replica, Read(replica, valueBytesMax: -1).Value) && await replica.PassTimeAsync(cancellationToken) is { } overdue)
        {
            return overdue;
        }

        return await AnswerAsync(replica, Consistency.Linearizable, cancellationToken);
    }

    public ValueTask<Answered<PipeAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken) =>
        SingleKeyForward.CallAsync(operation, call, room, peer, deadline, time, cancellationToken);

    /// <summary>
    /// The answer of this node's replica, if the requested consistency allows it; neither answer nor failure if the leader has to answer.
    /// </summary>
    public async ValueTask<Answered<PipeAnswer>> TryReadHereAsync(ShardReplica? replica, Deadline deadline, CancellationToken cancellationToken)
    {
        var permit = await ReadGate.TryNearAsync(replica, operation.OptionsOf(call), deadline, time);
        if (permit is not { } promise)
        {
            return default;
        }

        var answered = await AnswerAsync(replica!, promise.Delivered, cancellationToken);
        if (promise.AgeMax is { } ageMax && answered.Answer is { } answer && !(operation.HeaderOf(answer)!.StalenessMs <= ageMax.TotalMilliseconds))
        {
            room.Window.Give(operation.HeldBytes(answer));
            return default;
        }

        return answered;
    }

    /// <summary>Reads no more than the window has room for: a value that turns out larger is read again when there is room.</summary>
    private async ValueTask<Answered<PipeAnswer>> AnswerAsync(ShardReplica replica, Consistency delivered, CancellationToken cancellationToken)
    {
        var bytes = operation.AnswersValue(call) ? room.First : 0;
        while (true)
        {
            if (await room.Window.TakeAsync(bytes, cancellationToken) is { } full)
            {
                return full;
            }

            using var reserved = new AnswerReservation(room.Window, bytes);
            var (answer, needed) = TryAnswer(replica, delivered, bytes);
            if (answer is not null)
            {
                reserved.Keep(operation.HeldBytes(answer));
                return answer;
            }

            if (room.After(bytes, needed) is not { } more)
            {
                return room.TooLarge(needed);
            }

            bytes = more;
        }
    }

    /// <summary>The answer, if its value has at most so many bytes; otherwise the size of the value.</summary>
    private (PipeAnswer? Answer, int Needed) TryAnswer(ShardReplica replica, Consistency delivered, int bytesMax)
    {
        // The header first: neither its applied index nor the moment from which its age counts may be later than the state that the read saw.
        var header = headers.OfRead(replica, delivered);
        var asOf = replica.AsOf;
        var answersValue = operation.AnswersValue(call);
        var read = Read(replica, answersValue ? bytesMax : -1);
        header.ShardVersion = AnswerHeaders.VersionSeen(replica);

        // The leader has advanced the shard's clock; a replica that may lag shows the keys that are live by the clock it has.
        var found = delivered != Consistency.Linearizable && IsOver(replica, read.Value) ? null : read.Value;
        var needsValue = answersValue && found is { } value && operation.NeedsValue(call, value);
        header.StalenessMs = AnswerAge.Of(delivered, replica.AgeOf(asOf));
        return needsValue && !read.IsWhole ? (null, read.ValueBytes) : (operation.ToAnswer(call, found, header), 0);
    }

    private StoredRead Read(ShardReplica replica, int valueBytesMax) => replica.Store.Read(new StoredKeyspaceId(keyspace.Value), operation.KeyOf(call).Span, valueBytesMax);

    private static bool IsOver(ShardReplica replica, StoredValue? found) => found is { } value && !value.IsVisibleAt(replica.ClockMs);
}
