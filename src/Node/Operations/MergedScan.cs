using Google.Protobuf;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Operations;

/// <summary>
/// A walk over all shards in the order of keys: each shard yields its keys in order, page by page, and the smallest of those that stand
/// first is told next (a k-way merge; Knuth, TAOCP 3, section 5.4.1). One page of each shard is held; a shard's next page is asked
/// for when its last was told, so the reader's pace is everybody's. Each page is one moment of its shard, the whole is not.
/// </summary>
internal sealed class MergedScan(ScanPlan plan, Func<ResumeToken, long, Task<ScanChunk>> fetch)
{
    /// <summary>Shards asked at once when the walk begins: enough to hide the round trips, few enough to be fair to others.</summary>
    private const int FetchesAtOnce = 8;

    private readonly PriorityQueue<Source, ReadOnlyMemory<byte>> _heads = new(new KeyOrder(plan.Reverse));
    private readonly ResponseHeader _header = new();

    public async Task RunAsync(Func<ScanChunk, Task> send)
    {
        await BeginAsync();
        var (itemsLeft, bytesLeft) = (plan.ItemsMax, plan.BytesMax);
        var chunk = new ScanChunk();
        var chunkBytes = 0L;
        var last = ByteString.Empty;
        while (_heads.TryDequeue(out var source, out _) && itemsLeft > 0 && bytesLeft > 0)
        {
            var item = source.Take();
            last = item.Key;
            chunk.Items.Add(item);
            var bytes = (long)item.Key.Length + item.State.Value.Length;
            (itemsLeft, bytesLeft, chunkBytes) = (itemsLeft - 1, bytesLeft - bytes, chunkBytes + bytes);
            await PutBackAsync(source);
            if ((chunkBytes >= plan.ChunkBytesMax || chunk.Items.Count >= plan.PageItemsMax) && _heads.Count > 0)
            {
                await send(Finish(chunk, last));
                (chunk, chunkBytes) = (new ScanChunk(), 0);
            }

            if (itemsLeft == 0 || bytesLeft <= 0)
            {
                break;
            }
        }

        if (_heads.Count == 0)
        {
            chunk.Header = _header.Clone();
            chunk.Done = true;
            await send(chunk);
        }
        else if (chunk.Items.Count > 0)
        {
            await send(Finish(chunk, last));
        }
    }

    private async Task BeginAsync()
    {
        using var places = new SemaphoreSlim(FetchesAtOnce);
        var sources = Enumerable.Range(0, plan.Start.ShardCount)
            .Select(shard => new Source(plan.Start with { Shard = new ShardId(shard), Ordered = false }))
            .ToArray();
        var chunks = await Task.WhenAll(sources.Select(async source =>
        {
            await places.WaitAsync();
            try
            {
                return await fetch(source.Next!.Value, plan.ItemsMax);
            }
            finally
            {
                places.Release();
            }
        }));
        foreach (var (source, chunk) in sources.Zip(chunks))
        {
            Fill(source, chunk);
            await PutBackAsync(source);
        }
    }

    /// <summary>Queues a source by its next key; fetches its next page if it has none at hand.</summary>
    private async Task PutBackAsync(Source source)
    {
        while (source.IsEmpty && source.Next is { } next)
        {
            Fill(source, await fetch(next, plan.ItemsMax));
        }

        if (!source.IsEmpty)
        {
            _heads.Enqueue(source, source.Head);
        }
    }

    private void Fill(Source source, ScanChunk chunk)
    {
        // What can be said of all pages so far: the newest epoch, and the weakest promise any of them kept.
        _header.RingEpoch = Math.Max(_header.RingEpoch, chunk.Header.RingEpoch);
        _header.ConsistencyDelivered = (Consistency)Math.Max((int)_header.ConsistencyDelivered, (int)chunk.Header.ConsistencyDelivered);
        _header.DurabilityReached = chunk.Header.DurabilityReached;
        _header.ServerTimeMs = chunk.Header.ServerTimeMs;
        SessionCheck.Merge(_header.ShardVersions, chunk.Header);
        _header.StalenessMs = _header.StalenessMs < 0 || chunk.Header.StalenessMs < 0
            ? -1
            : Math.Max(_header.StalenessMs, chunk.Header.StalenessMs);
        source.Fill(chunk.Items, chunk.ResumeToken.IsEmpty ? null : ResumeToken.Read(chunk.ResumeToken).Token);
    }

    /// <summary>A chunk after which the walk goes on: behind its last key in all shards.</summary>
    private ScanChunk Finish(ScanChunk chunk, ByteString last)
    {
        chunk.Header = _header.Clone();

        // In reverse a page ends before its key; forward it begins with it, so the first key possible after the last one.
        var key = plan.Reverse ? last.ToByteArray() : [.. last.Span, 0];
        chunk.ResumeToken = (plan.Start with { Key = key }).Write();
        return chunk;
    }

    /// <summary>One shard's part of the walk.</summary>
    private sealed class Source(ResumeToken first)
    {
        private readonly Queue<ScanChunk.Types.Item> _items = new();

        /// <summary>Where its next page begins; null: there is none.</summary>
        public ResumeToken? Next { get; private set; } = first;

        public bool IsEmpty => _items.Count == 0;

        public ReadOnlyMemory<byte> Head => _items.Peek().Key.Memory;

        public ScanChunk.Types.Item Take() => _items.Dequeue();

        public void Fill(IEnumerable<ScanChunk.Types.Item> items, ResumeToken? next)
        {
            foreach (var item in items)
            {
                _items.Enqueue(item);
            }

            Next = next;
        }
    }

    private sealed class KeyOrder(bool reverse) : IComparer<ReadOnlyMemory<byte>>
    {
        public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) =>
            reverse ? y.Span.SequenceCompareTo(x.Span) : x.Span.SequenceCompareTo(y.Span);
    }
}
