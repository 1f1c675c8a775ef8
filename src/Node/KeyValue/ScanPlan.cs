using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;
using StoredScan = KvRaft.Storage.Shards.ScanRequest;

namespace KvRaft.Node.KeyValue;

/// <summary>What a scan request means: which range, of which shards, from where, in which direction, in what portions. Pure.</summary>
/// <param name="Start">Where the walk begins: a shard, and a key in it if it goes on from somewhere.</param>
/// <param name="LastShard">Where it ends; below the first shard in reverse.</param>
internal sealed record ScanPlan(KeyspaceDescriptor Keyspace, KeyRange Range, ResumeToken Start, ShardId LastShard)
{
    /// <summary>Items of one page: a thousand small ones are produced in about a millisecond, so writers of the shard do not wait.</summary>
    private const int PageItemsMaxDefault = 1000;

    /// <summary>
    /// Of an ordered walk, for each shard: what is fetched ahead and not yet told is held here, so all shards together should hold about
    /// one chunk, but a page below 16 KiB costs more in questions than it saves.
    /// </summary>
    private const int MergedPageBytesMin = 16 * 1024;

    public long ItemsMax { get; init; } = long.MaxValue;

    /// <summary>Keys and values in all; the item that passes it is the last.</summary>
    public long BytesMax { get; init; } = long.MaxValue;

    public int PageItemsMax { get; init; } = PageItemsMaxDefault;

    public required int ChunkBytesMax { get; init; }

    /// <summary>What a page with its last item may come to: the room that is taken for it before it is read.</summary>
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

    /// <summary>The plan, or what is wrong with the request.</summary>
    public static Answered<ScanPlan> Of(ScanRequest request, FoundKeyspace found, Limits limits)
    {
        if ((RequestCheck.Header(request.Header) ?? RequestCheck.ReadOptions(request.Options) ?? Sizes(request, limits)
                ?? KeyRange.Check(request.Prefix, request.Start, request.End, limits)) is { } failure)
        {
            return failure;
        }

        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        var map = found.View.Map!;
        if (request.HasShard && (request.Shard < 0 || request.Shard >= map.ShardCount))
        {
            return Failure.Invalid("shard", $"from 0 to {map.ShardCount - 1}");
        }

        // Keys that begin with one whole tag are in one shard; asking the others would find nothing.
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

    /// <summary>A position in one shard, as a token of a scan of that shard alone: so it is sent to the node that answers for the shard.</summary>
    public ResumeToken InShard(in ResumeToken place) => place with { Walk = WalkId.Of(WalkKind.Scan, place.Shard, Range), Ordered = false };

    /// <summary>The most a page may hold: its bytes, and the item that passes them.</summary>
    public long RoomOfPage(long bytesLeft) => KeysOnly
        ? Math.Min(bytesLeft, ChunkBytesMax)
        : Math.Min(Math.Min(bytesLeft, ChunkBytesMax) + (long)Math.Min(ValueBytesMax, ItemBytesMax), PageBytesHardMax);

    /// <summary>The shard after one; null after the last.</summary>
    public ShardId? After(ShardId shard) => shard == LastShard ? null : new ShardId(shard.Value + (Reverse ? -1 : 1));

    /// <summary>
    /// The same walk in the portions in which a merge fetches each shard's part. It holds a page of every shard, so a page and its last item share what the merge may hold with
    /// those of all shards; a value for which that is too little is fetched when its turn has come (<see cref="ForItem"/>).
    /// </summary>
    /// <param name="heldBytesMax">What the merge may hold.</param>
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

    /// <summary>One item of a shard, with its value whatever its size.</summary>
    public ScanPlan ForItem() => this with { PageItemsMax = 1, ItemBytesMax = int.MaxValue };

    private Answered<ScanPlan> Resumed(ScanRequest request, ShardId low, ShardId high)
    {
        // An ordered walk has shard 0 in its token, and covers all of them.
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
