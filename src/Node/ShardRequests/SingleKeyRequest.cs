using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Node.ShardRequests;

/// <summary>One single-key operation on its way to its shard's leader; the same for unary calls and pipes.</summary>
/// <param name="rule">The limit of the keyspace that forbids a write, unless it is a repeat of an applied one.</param>
internal readonly struct SingleKeyRequest(
    PipeCall call, KeyspaceDescriptor keyspace, Failure? rule, AnswerHeaders headers, DiskGuard disk, AnswerRoom room, TimeProvider time) : IShardRequest<PipeAnswer>
{
    public bool IsWrite => call.IsWrite();

    public ValueTask<Answered<PipeAnswer>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken) =>
        IsWrite ? WriteAsync(replica, deadline, cancellationToken) : ReadAsync(replica, cancellationToken);

    public async ValueTask<Answered<PipeAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var bytes = call.AnswersValue() ? room.First : 0;
        while (true)
        {
            var header = call.OwnHeader();
            header.NoForward = true;
            header.AnswerBytesMax = bytes;
            header.TimeoutMs = deadline.MillisecondsToForward(time);
            if (header.TimeoutMs <= 0)
            {
                return Failure.Deadline(Execution.NotExecuted);
            }

            // The other node sends no more than the window of this node can hold.
            if (await room.Window.TakeAsync(bytes, cancellationToken) is { } full)
            {
                return full;
            }

            using var reserved = new AnswerReservation(room.Window, bytes);
            var begun = time.GetTimestamp();
            var answered = await peer.Pipe.CallAsync(call, IsWrite, cancellationToken);
            AnswerAge.Add(answered.Answer?.Get?.Header, time.GetElapsedTime(begun));
            if (answered.Answer is not { Error: { } error })
            {
                reserved.Keep(answered.Answer is { } answer ? SingleKeyAnswers.HeldBytes(answer) : 0);
                return answered;
            }

            var failure = RpcStatus.ToFailure(error);
            if (AnswerRoom.NeededBy(failure) is not { } needed)
            {
                return failure;
            }

            if (room.After(bytes, needed) is not { } more)
            {
                return room.TooLarge(needed);
            }

            bytes = more;
        }
    }

    private async ValueTask<Answered<PipeAnswer>> WriteAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        var forbidden = rule ?? (disk.RefusesGrowth && call.NeedsRoom() ? Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes) : null);
        if (await RepeatedWrite.RefusalAsync(forbidden, call.Header(), replica, headers, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        var bytes = call.AnswersValue() ? room.First : 0;
        while (true)
        {
            // The value that it writes again counts like a value in the answer, so that a pipe has no more of them in progress than of answers.
            var written = call.Touch is { } touch ? LengthOf(replica, touch.Key) : 0;
            if (await room.Window.TakeAsync(bytes + written, cancellationToken) is { } full)
            {
                return full;
            }

            using var reserved = new AnswerReservation(room.Window, bytes + written);
            var command = SingleKeyCommands.ToCommand(call, keyspace, replica.Shard) with { AnswerBytesMax = bytes };
            var weight = Math.Max(written, SingleKeyCommands.ConditionOf(call) is { HasValueSha256Equals: true } ? LengthOf(replica, call.Key()) : 0);
            var result = await replica.WriteAsync(command, bytes > ProposalWait.SmallBytesMax ? bytes + weight : weight, deadline, cancellationToken);
            if (result.Outcome is not { } outcome)
            {
                return result.Failure!;
            }

            if (outcome.Reason != RefusalReason.AnswerTooLarge)
            {
                var answer = SingleKeyAnswers.OfWrite(call, outcome, headers.OfWrite(replica, result.Position));
                reserved.Keep(SingleKeyAnswers.HeldBytes(answer));
                return answer;
            }

            if (room.After(bytes, outcome.Affected) is not { } more)
            {
                return room.TooLarge(outcome.Affected);
            }

            bytes = more;
        }
    }

    /// <summary>A touch of a few bytes writes the whole value again, on every replica, and a condition on a hash reads and hashes it.</summary>
    private int LengthOf(ShardReplica replica, Google.Protobuf.ByteString key) => replica.Store.Read(StoredKeyspace, key.Span, valueBytesMax: -1).ValueBytes;

    private async ValueTask<Answered<PipeAnswer>> ReadAsync(ShardReplica replica, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        if (ReadGate.CheckLeader(replica, call.Get.Options) is { } stale)
        {
            return stale;
        }

        // A key that has expired by the clock of this leader is not shown, and is made to expire for the next leader too.
        if (IsOver(replica, Head(replica).Value) && await replica.PassTimeAsync(cancellationToken) is { } overdue)
        {
            return overdue;
        }

        return await AnswerAsync(replica, Consistency.Linearizable, cancellationToken);
    }

    /// <summary>
    /// The answer of this node's replica, if the requested consistency allows it; neither answer nor failure if the leader has to answer.
    /// </summary>
    public async ValueTask<Answered<PipeAnswer>> TryReadHereAsync(ShardReplica? replica, Deadline deadline, CancellationToken cancellationToken)
    {
        var permit = await ReadGate.TryNearAsync(replica, call.Get.Options, deadline, time);
        if (permit is not { } promise)
        {
            return default;
        }

        var answered = await AnswerAsync(replica!, promise.Delivered, cancellationToken);
        if (promise.AgeMax is { } ageMax && answered.Answer is { } answer && !(answer.Get.Header.StalenessMs <= ageMax.TotalMilliseconds))
        {
            room.Window.Give(SingleKeyAnswers.HeldBytes(answer));
            return default;
        }

        return answered;
    }

    /// <summary>Reads no more than the window has room for: a value that turns out larger is read again when there is room.</summary>
    private async ValueTask<Answered<PipeAnswer>> AnswerAsync(ShardReplica replica, Consistency delivered, CancellationToken cancellationToken)
    {
        var bytes = call.AnswersValue() ? room.First : 0;
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
                reserved.Keep(SingleKeyAnswers.HeldBytes(answer));
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
        var read = replica.Store.Read(StoredKeyspace, call.Get.Key.Span, call.AnswersValue() ? bytesMax : -1);
        header.ShardVersion = AnswerHeaders.VersionSeen(replica);

        // The leader has advanced the shard's clock; a replica that may lag shows the keys that are live by the clock it has.
        var found = delivered != Consistency.Linearizable && IsOver(replica, read.Value) ? null : read.Value;
        var needsValue = call.AnswersValue() && found is { } value && call.Get.IfVersionNot != value.Version;
        header.StalenessMs = AnswerAge.Of(delivered, replica.AgeOf(asOf));
        return needsValue && !read.IsWhole ? (null, read.ValueBytes) : (SingleKeyAnswers.OfRead(call, found, header), 0);
    }

    private StoredKeyspaceId StoredKeyspace => new(keyspace.Id.Value);

    private StoredRead Head(ShardReplica replica) => replica.Store.Read(StoredKeyspace, call.Get.Key.Span, valueBytesMax: -1);

    private static bool IsOver(ShardReplica replica, StoredValue? found) => found is { } value && !value.IsVisibleAt(replica.ClockMs);
}
