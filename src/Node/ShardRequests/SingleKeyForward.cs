using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>Forwards one single-key operation to another node, over the pipe that all of them share.</summary>
internal static class SingleKeyForward
{
    public static async ValueTask<Answered<PipeAnswer>> CallAsync(
        SingleKeyOperation operation, PipeCall call, AnswerRoom room, Peer peer, Deadline deadline, TimeProvider time, CancellationToken cancellationToken)
    {
        var bytes = operation.AnswersValue(call) ? room.First : 0;
        while (true)
        {
            var header = operation.OwnHeaderOf(call);
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
            var answered = await peer.Pipe.CallAsync(operation.Copy(call), operation.IsWrite, cancellationToken);
            if (answered.Answer is not { } answer)
            {
                return answered;
            }

            if (answer.Error is not { } error)
            {
                AnswerAge.Add(operation.HeaderOf(answer), time.GetElapsedTime(begun));
                answer.CorrelationId = call.CorrelationId;
                reserved.Keep(operation.HeldBytes(answer));
                return answer;
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
}
