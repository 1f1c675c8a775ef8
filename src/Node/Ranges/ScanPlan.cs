using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;
using StoredScan = KvRaft.Storage.Shards.ScanRequest;

namespace KvRaft.Node.Ranges;

/// <summary>The meaning of a scan request: which range, of which shards, from where, in which direction, in which portions. Pure.</summary>
/// <param name="Start">Where the scan begins: a shard, and a key in it if the scan continues from a position.</param>
/// <param name="LastShard">Where it ends; below the first shard in reverse.</param>
internal sealed record ScanPlan(KeyspaceDescriptor Keyspace, KeyRange Range, ResumeToken Start, ShardId LastShard)
{
    /// <summary>Items of one page: a thousand small ones are produced in about a millisecond, so writers of the shard do not wait.</summary>
    private const int PageItemsMaxDefault = 1000;

    /// <summary>
    /// The page size of an ordered scan, for each shard: the items that are fetched ahead and not yet sent are held here, so all shards together should hold about
    /// one chunk, but the requests for pages below 16 KiB cost more than the memory they save.
    /// </summary>
    private const int MergedPageBytesMin = 16 * 1024;

    public long ItemsMax { get; init; } = long.MaxValue;

    /// <summary>Keys and values together; the item that passes this limit is the last.</summary>
    public long BytesMax { get; init; } = long.MaxValue;

    public int PageItemsMax { get; init; } = PageItemsMaxDefault;

    public required int ChunkBytesMax { get; init; }

    /// <summary>The possible size of a page with its last item: the bytes that are reserved for it before it is read.</summary>
    public int PageBytesHardMax { get; init; } = int.MaxValue;

    /// <summary>Larger items have no value in their page; see <see cref="StoredScan.ItemBytesMax"/>.</summary>
    public int ItemBytesMax { get; init; } = int.MaxValue;

    /// <summary>The largest key with the largest value.</summary>
    public int ValueBytesMax { get; init; }

    public int KeyBytesMax { get; init; }

    public required int RowsMax { get; init; }

    public bool KeysOnly { get; init; }

    public bool Reverse => Start.Reverse;

    /// <summary>In the order of keys over all shards, rather than shard after shard.</summary>
    public bool Ordered => Start.Ordered;

    /// <summary>The mistake in a request, whatever its keyspace is; null if there is none.</summary>
    public static Failure? Check(ScanRequest request, Limits limits) =>
        RequestCheck.Header(request.Header) ?? RequestCheck.ReadOptions(request.Options) ?? Sizes(request, limits)
            ?? KeyRange.Check(request.Prefix, request.Start, request.End, limits);

    /// <summary>The plan of a checked request, or the mistake of its shard, session or resume token.</summary>
    public static Answered<ScanPlan> Of(ScanRequest request, KeyspaceDescriptor keyspace, ShardMap map, Limits limits)
    {
        if (request.HasShard && (request.Shard < 0 || request.Shard >= map.ShardCount))
        {
            return Failure.Invalid("shard", $"from 0 to {map.ShardCount - 1}");
        }

        // Keys that begin with one whole tag are in one shard; queries to the other shards would find nothing.
        var only = request.HasShard ? new ShardId(request.Shard) : KeyRange.OneShard(map, keyspace, request.Prefix, request.Start, request.End);
        if (SessionCheck.OneNumber(request.Options, isOneShard: only is not null) is { } several)
        {
            return several;
        }

        var (low, high) = (only ?? new ShardId(0), only ?? new ShardId(map.ShardCount - 1));
        var range = KeyRange.Of(request.Prefix, request.Start, request.End);
        var walk = WalkId.Of(WalkKind.Scan, request.HasShard ? only : null, range);
        var start = new ResumeToken(walk, keyspace.Id, map.ShardCount, request.Reverse ? high : low, null)
        {
            Reverse = request.Reverse,

            // The order of one shard is the order of keys.
            Ordered = request.Ordered && only is null,
        };
        var plan = new ScanPlan(
            keyspace, range,
            start with { Shard = start.Ordered ? new ShardId(0) : start.Shard }, request.Reverse ? low : high)
        {
            ItemsMax = request.Limit == 0 ? long.MaxValue : request.Limit,
            BytesMax = request.BytesMax == 0 ? long.MaxValue : request.BytesMax,
            ChunkBytesMax = request.ChunkBytesMax == 0 ? limits.ScanChunkBytesMax : request.ChunkBytesMax,
            PageBytesHardMax = limits.MessageBytesMax - AnswerWindow.EnvelopeBytes,
            ValueBytesMax = limits.KeyBytesMax + limits.ValueBytesMax,
            KeyBytesMax = limits.KeyBytesMax,
            ItemBytesMax = request.ItemBytesMax == 0 ? int.MaxValue : request.ItemBytesMax,
            RowsMax = limits.ScanKeysMax,
            KeysOnly = request.KeysOnly,
        };
        return request.ResumeToken.IsEmpty ? plan : plan.Resumed(request, low, high);
    }

    /// <summary>One page of one shard, from where the last one ended.</summary>
    public StoredScan Page(in ResumeToken place, long itemsLeft, long bytesLeft)
    {
        var rest = place.Rest(Range);
        return new(new StoredKeyspaceId(Keyspace.Id.Value), rest.From, rest.To)
        {
            Reverse = Reverse,
            ItemsMax = (int)Math.Min(itemsLeft, PageItemsMax),
            BytesMax = (int)Math.Min(bytesLeft, ChunkBytesMax),
            BytesHardMax = PageBytesHardMax,
            RowsMax = RowsMax,
            ItemBytesMax = ItemBytesMax,
            KeysOnly = KeysOnly,
        };
    }

    /// <summary>A position in one shard, as a token of a scan of that shard alone, in which form it is sent to the node that answers for the shard.</summary>
    public ResumeToken InShard(in ResumeToken place) => place with { Walk = WalkId.Of(WalkKind.Scan, place.Shard, Range), Ordered = false };

    /// <summary>The most a page may hold: its bytes, and the item that passes them.</summary>
    public long RoomOfPage(long bytesLeft) => KeysOnly
        ? Math.Min(bytesLeft, ChunkBytesMax)
        : Math.Min(Math.Min(bytesLeft, ChunkBytesMax) + (long)Math.Min(ValueBytesMax, ItemBytesMax), PageBytesHardMax);

    /// <summary>The shard after one; null after the last.</summary>
    public ShardId? After(ShardId shard) => shard == LastShard ? null : new ShardId(shard.Value + (Reverse ? -1 : 1));

    /// <summary>
    /// The same scan in the portions in which a merge fetches each shard's part. It holds a page of every shard, so all pages with their last items share the bytes that the merge
    /// may hold. A value that does not fit into its share is fetched when it is the next one (<see cref="ForItem"/>).
    /// </summary>
    /// <param name="heldBytesMax">The bytes that the merge may hold.</param>
    public Answered<ScanPlan> ForMerge(long heldBytesMax)
    {
        var share = heldBytesMax / Start.ShardCount;
        if (share < KeyBytesMax * 2L)
        {
            return Failure.Limit(new LimitExceeded("ordered", "limits.answerBytesInHandMax", heldBytesMax, KeyBytesMax * 2L * Start.ShardCount));
        }

        var page = Math.Min(ChunkBytesMax, Math.Max(MergedPageBytesMin, ChunkBytesMax / Start.ShardCount));
        page = (int)Math.Min(page, share / 2);
        return this with
        {
            PageItemsMax = (int)Math.Clamp(ItemsMax, 1, 256),
            ChunkBytesMax = page,
            ItemBytesMax = share - page >= ValueBytesMax ? int.MaxValue : (int)(share - page),
        };
    }

    /// <summary>One item of a shard, with its value of any size.</summary>
    public ScanPlan ForItem() => this with { PageItemsMax = 1, ItemBytesMax = int.MaxValue };

    private Answered<ScanPlan> Resumed(ScanRequest request, ShardId low, ShardId high)
    {
        // An ordered scan has shard 0 in its token, and covers all of them.
        var (place, failure) = ResumeToken.Resume(request.ResumeToken, Start, Range, Ordered ? Start.Shard : low, Ordered ? Start.Shard : high);
        return place is { } found ? this with { Start = found } : failure!;
    }

    private static Failure? Sizes(ScanRequest request, Limits limits)
    {
        if (request.Limit < 0)
        {
            return Failure.Invalid("limit", "not negative");
        }

        if (request.BytesMax < 0)
        {
            return Failure.Invalid("bytes_max", "not negative");
        }

        if (request.ChunkBytesMax < 0)
        {
            return Failure.Invalid("chunk_bytes_max", "not negative");
        }

        if (request.ItemBytesMax < 0)
        {
            return Failure.Invalid("item_bytes_max", "not negative");
        }

        if (request is { ItemBytesMax: > 0, Ordered: true })
        {
            return Failure.Invalid("item_bytes_max", "only without ordered");
        }

        return request.ChunkBytesMax > limits.ScanChunkBytesMax
            ? Failure.Limit(new LimitExceeded(
                "chunk_bytes_max", "limits.scanChunkBytesMax", limits.ScanChunkBytesMax, request.ChunkBytesMax))
            : null;
    }
}
