using KvRaft.Node.Membership;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;
using StoredKeyspaceId = KvRaft.Storage.Shards.KeyspaceId;
using StoredScan = KvRaft.Storage.Shards.ScanRequest;

namespace KvRaft.Node.Operations;

/// <summary>What a scan request means: which range, of which shards, from where, in what portions. Pure.</summary>
internal sealed record ScanPlan(
    KeyspaceDescriptor Keyspace,
    ReadOnlyMemory<byte> From,
    ReadOnlyMemory<byte> To,
    ShardId FirstShard,
    ShardId LastShard,
    ReadOnlyMemory<byte>? ResumeKey,
    long ItemsMax,
    int ChunkBytesMax,
    int RowsMax,
    bool KeysOnly)
{
    /// <summary>Items of one page: a thousand small ones are produced in about a millisecond, so writers of the shard do not wait.</summary>
    private const int PageItemsMax = 1000;

    /// <summary>The plan, or what is wrong with the request.</summary>
    public static Answered<ScanPlan> Of(ScanRequest request, FoundKeyspace found, Limits limits)
    {
        if ((RequestCheck.Header(request.Header) ?? RequestCheck.ReadOptions(request.Options) ?? Sizes(request, limits)) is { } failure)
        {
            return failure;
        }

        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        var shards = found.View.Map!.ShardCount;
        if (request.HasShard && (request.Shard < 0 || request.Shard >= shards))
        {
            return Failure.Invalid("shard", $"from 0 to {shards - 1}");
        }

        var (from, to) = Range(request, keyspace);
        var plan = new ScanPlan(
            keyspace, from, to,
            new ShardId(request.HasShard ? request.Shard : 0), new ShardId(request.HasShard ? request.Shard : shards - 1),
            ResumeKey: null,
            request.Limit == 0 ? long.MaxValue : request.Limit,
            request.ChunkBytesMax == 0 ? limits.ScanChunkBytesMax : request.ChunkBytesMax,
            limits.ScanKeysMax,
            request.KeysOnly);
        return request.ResumeToken.IsEmpty ? plan : plan.Resumed(request, shards);
    }

    /// <summary>One page of one shard, from where the last one ended.</summary>
    public StoredScan Page(ReadOnlyMemory<byte>? resumeKey, long itemsLeft) =>
        new(new StoredKeyspaceId(Keyspace.Id.Value), resumeKey ?? From, To)
        {
            ItemsMax = (int)Math.Min(itemsLeft, PageItemsMax),
            BytesMax = ChunkBytesMax,
            RowsMax = RowsMax,
            KeysOnly = KeysOnly,
        };

    private Answered<ScanPlan> Resumed(ScanRequest request, int shards)
    {
        if (!ResumeToken.TryRead(request.ResumeToken, out var token))
        {
            return Failure.CursorInvalid("the resume token is none of ours");
        }

        var (keyspace, shardCount, shard, key) = token.Value;
        if (keyspace != Keyspace.Id || shardCount != shards || shard.CompareTo(FirstShard) < 0 || shard.CompareTo(LastShard) > 0)
        {
            return Failure.CursorInvalid("the resume token is of another keyspace, shard or map; begin again");
        }

        return this with { FirstShard = shard, ResumeKey = key };
    }

    private static Failure? Sizes(ScanRequest request, Limits limits)
    {
        if (request.Limit < 0)
        {
            return Failure.Invalid("limit", "not negative");
        }

        if (request.ChunkBytesMax < 0)
        {
            return Failure.Invalid("chunk_bytes_max", "not negative");
        }

        if (request.ChunkBytesMax > limits.ScanChunkBytesMax)
        {
            return Failure.Limit(new LimitExceeded(
                "chunk_bytes_max", "limits.scanChunkBytesMax", limits.ScanChunkBytesMax, request.ChunkBytesMax));
        }

        foreach (var (key, field) in new[] { (request.Prefix, "prefix"), (request.Start, "start"), (request.End, "end") })
        {
            if (key.Length > limits.KeyBytesMax)
            {
                return Failure.Limit(new LimitExceeded(field, "limits.keyBytesMax", limits.KeyBytesMax, key.Length));
            }
        }

        return null;
    }

    /// <summary>The keys that are at once in [start, end) and under the prefix. An empty end is the end of the keyspace.</summary>
    private static (ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To) Range(ScanRequest request, KeyspaceDescriptor keyspace)
    {
        var (from, to) = (request.Start.Memory, request.End.Memory);
        if (request.Prefix.IsEmpty)
        {
            return (from, to);
        }

        var prefix = StoredScan.OfPrefix(new StoredKeyspaceId(keyspace.Id.Value), request.Prefix.Memory);
        return (
            from.Span.SequenceCompareTo(prefix.From.Span) > 0 ? from : prefix.From,
            to.IsEmpty || (!prefix.To.IsEmpty && prefix.To.Span.SequenceCompareTo(to.Span) < 0) ? prefix.To : to);
    }
}
