using Google.Protobuf;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// A scan of all shards in the order of keys: each shard yields its keys in order, page by page, and the smallest of the first
/// keys is sent next (a k-way merge; Knuth, TAOCP 3, section 5.4.1). The scan holds one page of each shard, and requests a shard's next page
/// when the last one was sent, so the reader sets the pace for all shards. If a value is too large to be held for every shard, it is fetched when its key is the next. Each page is one moment of its shard; the whole scan is not.
/// </summary>
/// <param name="plan">The scan.</param>
/// <param name="fetch">A page of one shard from a position on; items that are too large for it come without their values.</param>
/// <param name="fetchItem">The first item of one shard from a position on, with its value.</param>
/// <param name="give">Releases bytes of items that are dropped.</param>
/// <param name="time">The age of pages.</param>
internal sealed class MergedScan(
    ScanPlan plan, Func<ResumeToken, long, Task<ScanChunk>> fetch, Func<ResumeToken, Task<ScanChunk>> fetchItem, Action<long> give, TimeProvider time)
{
    /// <summary>Shards queried at once when the scan begins: enough to hide the round trips, and few enough to leave capacity for other requests.</summary>
    private const int FetchesAtOnce = 8;

    private readonly KeyOrder _order = new(plan.Reverse);
    private readonly PriorityQueue<Source, ReadOnlyMemory<byte>> _heads = new(new KeyOrder(plan.Reverse));
    private readonly ResponseHeader _header = new();

    /// <summary>The pages that make up a chunk: those present when the chunk was started, which also show which keys are absent, and those fetched since.</summary>
    private readonly List<PageAge> _ages = [];

    private Source[] _sources = [];

    public async Task RunAsync(Func<ScanChunk, Task> send)
    {
        await BeginAsync();
        var (itemsLeft, bytesLeft) = (plan.ItemsMax, plan.BytesMax);
        var chunk = new ScanChunk();
        var chunkBytes = 0L;
        var last = ByteString.Empty;
        while (_heads.TryDequeue(out var source, out _) && itemsLeft > 0 && bytesLeft > 0)
        {
            if (source.IsValueLeftOut)
            {
                // The key may be gone by now, or another one may be before it: the current item is queued like any head.
                await FetchHeadAsync(source);
                await PutBackAsync(source);
                continue;
            }

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
                _ages.Clear();
                _ages.AddRange(_sources.Select(static source => source.Age));
            }

            if (itemsLeft == 0 || bytesLeft <= 0)
            {
                break;
            }
        }

        if (_heads.Count == 0)
        {
            chunk.Header = Header();
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
        _sources = [.. Enumerable.Range(0, plan.Start.ShardCount)
            .Select(shard => new Source(plan.Start with { Shard = new ShardId(shard), Ordered = false }))];
        var chunks = await Task.WhenAll(_sources.Select(async source =>
        {
            await places.WaitAsync();
            try
            {
                return await FetchAsync(source.Next!.Value);
            }
            finally
            {
                places.Release();
            }
        }));
        foreach (var (source, page) in _sources.Zip(chunks))
        {
            Fill(source, page);
            await PutBackAsync(source);
        }
    }

    /// <summary>Fetches the value of a source's head, or the next item of the shard if the head is gone by now.</summary>
    private async Task FetchHeadAsync(Source source)
    {
        var head = source.Take();
        give(HeldBytes(head));

        // In reverse a page ends before its key, so it begins behind the head; forward it begins with its key.
        ResumeToken? place = plan.Start with { Shard = source.Shard, Ordered = false, Key = plan.Reverse ? [.. head.Key.Span, 0] : head.Key.ToByteArray() };
        while (place is { } next)
        {
            var asked = time.GetTimestamp();
            var chunk = await fetchItem(next);
            Note(chunk);
            _ages.Add(new PageAge(chunk.Header, asked));
            if (chunk.Items.Count > 0)
            {
                source.PutInFront(chunk.Items[0], After(chunk), _order, give);
                return;
            }

            // If a page has only expired keys, the scan continues; without a position there is nothing more in the shard.
            place = After(chunk);
        }

        source.End(give);
    }

    /// <summary>Queues a source by its next key; fetches its next page if it holds none.</summary>
    private async Task PutBackAsync(Source source)
    {
        while (source.IsEmpty && source.Next is { } next)
        {
            Fill(source, await FetchAsync(next));
        }

        if (!source.IsEmpty)
        {
            _heads.Enqueue(source, source.Head);
        }
    }

    private async Task<(ScanChunk Chunk, PageAge Age)> FetchAsync(ResumeToken place)
    {
        var asked = time.GetTimestamp();
        var chunk = await fetch(place, plan.ItemsMax);
        return (chunk, new PageAge(chunk.Header, asked));
    }

    private void Fill(Source source, (ScanChunk Chunk, PageAge Age) page)
    {
        var chunk = page.Chunk;
        _ages.Add(page.Age);
        Note(chunk);
        source.Fill(chunk.Items, After(chunk), page.Age);
    }

    /// <summary>Where the shard of a page continues; null: the page is its last.</summary>
    private static ResumeToken? After(ScanChunk page) => page.ResumeToken.IsEmpty ? null : ResumeToken.Read(page.ResumeToken).Token;

    private void Note(ScanChunk chunk)
    {
        // The header that holds for all pages so far: the newest epoch, and the weakest consistency that any of them delivered.
        _header.RingEpoch = Math.Max(_header.RingEpoch, chunk.Header.RingEpoch);
        _header.ConsistencyDelivered = (Consistency)Math.Max((int)_header.ConsistencyDelivered, (int)chunk.Header.ConsistencyDelivered);
        _header.DurabilityReached = chunk.Header.DurabilityReached;
        _header.ServerTimeMs = chunk.Header.ServerTimeMs;
        SessionCheck.Merge(_header.ShardVersions, chunk.Header);
    }

    /// <summary>The bytes that an item holds.</summary>
    public static long HeldBytes(ScanChunk.Types.Item item) => (long)item.Key.Length + item.State.Value.Length;

    /// <summary>The header of a chunk that is sent now.</summary>
    private ResponseHeader Header()
    {
        var header = _header.Clone();
        header.StalenessMs = header.ConsistencyDelivered == Consistency.Linearizable ? 0
            : _ages.Exists(static page => page.IsUnknown) ? AnswerAge.Unknown
            : _ages.Max(page => page.Now(time));
        return header;
    }

    /// <summary>A chunk after which the scan continues: behind its last key in all shards.</summary>
    private ScanChunk Finish(ScanChunk chunk, ByteString last)
    {
        chunk.Header = Header();

        // In reverse a page ends before its key; forward it begins with its key, so the position is the first possible key after the last one.
        var key = plan.Reverse ? last.ToByteArray() : [.. last.Span, 0];
        chunk.ResumeToken = (plan.Start with { Key = key }).Write();
        return chunk;
    }

    /// <summary>One shard's part of the scan.</summary>
    private sealed class Source(ResumeToken first)
    {
        private readonly Queue<ScanChunk.Types.Item> _items = new();

        /// <summary>Where its next page begins; null: there is none.</summary>
        public ResumeToken? Next { get; private set; } = first;

        /// <summary>The header of the page it yields from, or yielded from last.</summary>
        public PageAge Age { get; private set; }

        public bool IsEmpty => _items.Count == 0;

        public ReadOnlyMemory<byte> Head => _items.Peek().Key.Memory;

        public ShardId Shard => first.Shard;

        /// <summary>The head was too large for its page.</summary>
        public bool IsValueLeftOut => _items.Peek().ValueLeftOut;

        public ScanChunk.Types.Item Take() => _items.Dequeue();

        /// <summary>Queues an item that was fetched later than the page: every item of the page up to it is gone by now, or is this item.</summary>
        public void PutInFront(ScanChunk.Types.Item item, ResumeToken? after, KeyOrder order, Action<long> give)
        {
            var page = _items.ToArray();
            _items.Clear();
            _items.Enqueue(item);
            foreach (var each in page)
            {
                if (order.Compare(each.Key.Memory, item.Key.Memory) > 0)
                {
                    _items.Enqueue(each);
                }
                else
                {
                    give(HeldBytes(each));
                }
            }

            if (_items.Count == 1)
            {
                // The item may be behind the position at which the page ended.
                Next = after;
            }
        }

        /// <summary>No item is left in the shard.</summary>
        public void End(Action<long> give)
        {
            while (_items.TryDequeue(out var item))
            {
                give(HeldBytes(item));
            }

            Next = null;
        }

        public void Fill(IEnumerable<ScanChunk.Types.Item> items, ResumeToken? next, PageAge age)
        {
            Age = age;
            foreach (var item in items)
            {
                _items.Enqueue(item);
            }

            Next = next;
        }
    }

    /// <summary>The present age of a page: the age it had on arrival, and the time since its request.</summary>
    private readonly record struct PageAge(ResponseHeader Header, long Asked)
    {
        public bool IsUnknown => Header.StalenessMs == AnswerAge.Unknown;

        public long Now(TimeProvider time) => Header.StalenessMs + (long)Math.Ceiling(time.GetElapsedTime(Asked).TotalMilliseconds);
    }

    internal sealed class KeyOrder(bool reverse) : IComparer<ReadOnlyMemory<byte>>
    {
        public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) =>
            reverse ? y.Span.SequenceCompareTo(x.Span) : x.Span.SequenceCompareTo(y.Span);
    }
}
