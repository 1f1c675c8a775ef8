using System.Threading.Channels;
using KvRaft.Node.Answers;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.KeyValue;

/// <summary>Sends the answers of many reads as they complete, as many together as are ready, so that no shard waits for another.</summary>
internal static class MultiGetStreams
{
    /// <summary>Bytes of answers after which a chunk is sent: a quarter of the message limit that every client has by default.</summary>
    private const int ChunkBytesEnough = 1024 * 1024;

    /// <param name="answers">One task per key, in the order of the request; none of them throws.</param>
    /// <param name="window">Receives the bytes of the values back when they are sent.</param>
    /// <param name="messageBytesMax">A chunk is no larger.</param>
    /// <param name="send">Awaited before the next chunk is built, so a slow reader delays it.</param>
    /// <param name="passed">The time since the first of them was requested.</param>
    public static async Task RunAsync(
        IReadOnlyList<Task<PipeAnswer>> answers, AnswerWindow window, int messageBytesMax, Func<MultiGetChunk, Task> send, Func<TimeSpan> passed)
    {
        // A channel with one reader: the channel for many readers keeps items that were taken after a peek.
        var ready = Channel.CreateUnbounded<(int Index, PipeAnswer Answer)>(new UnboundedChannelOptions { SingleReader = true });
        for (var i = 0; i < answers.Count; i++)
        {
            _ = HandOverAsync(i, answers[i], ready.Writer);
        }

        for (var told = 0; told < answers.Count;)
        {
            await ready.Reader.WaitToReadAsync();
            var chunk = new MultiGetChunk();
            var bytes = 0;
            var headers = new List<ResponseHeader>();
            var held = 0L;
            while (bytes < ChunkBytesEnough && ready.Reader.TryPeek(out var next))
            {
                var entry = new MultiGetChunk.Types.Entry { Index = next.Index, Item = MultiKeyOperations.ToGetItem(next.Answer) };
                var size = entry.CalculateSize();
                if (bytes > 0 && bytes + size > messageBytesMax)
                {
                    break;
                }

                ready.Reader.TryRead(out _);
                chunk.Entries.Add(entry);
                bytes += size;
                held += OperationTable.HeldBytes(next.Answer);
                if (next.Answer.Get?.Header is { } header)
                {
                    headers.Add(header);
                }

                told++;
            }

            // Every chunk names the replica that answered. For several shards this is the replica of the first; the consistency is that of all.
            chunk.Header = headers.FirstOrDefault()?.Clone() ?? new ResponseHeader();
            if (headers.Count > 0)
            {
                chunk.Header.ConsistencyDelivered = headers.Max(static header => header.ConsistencyDelivered);
                chunk.Header.StalenessMs = AnswerAge.OfAll(headers, passed());
                headers.ForEach(header => SessionCheck.Merge(chunk.Header.ShardVersions, header));
            }

            await send(chunk);
            window.Give(held);
        }
    }

    private static async Task HandOverAsync(int index, Task<PipeAnswer> answer, ChannelWriter<(int Index, PipeAnswer Answer)> ready) =>
        ready.TryWrite((index, await answer));
}
