using Google.Protobuf;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using Limits = KvRaft.Node.Options.Limits;
using StoredScan = KvRaft.Storage.Shards.ScanRequest;

namespace KvRaft.Node.Ranges;

/// <summary>The keys from <see cref="From"/> (inclusive) to <see cref="To"/> (exclusive; empty = no end). Pure.</summary>
internal readonly record struct KeyRange(ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To)
{
    /// <summary>The mistake in a range from a caller; null if there is none.</summary>
    public static Failure? Check(ByteString prefix, ByteString start, ByteString end, Limits limits)
    {
        foreach (var (key, field) in new[] { (prefix, "prefix"), (start, "start"), (end, "end") })
        {
            if (key.Length > limits.KeyBytesMax)
            {
                return Failure.Limit(new LimitExceeded(field, "limits.keyBytesMax", limits.KeyBytesMax, key.Length));
            }
        }

        return !end.IsEmpty && start.Span.SequenceCompareTo(end.Span) > 0 ? Failure.Invalid("end", "not below start") : null;
    }

    /// <summary>The keys that are both in [start, end) and under the prefix.</summary>
    public static KeyRange Of(ByteString prefix, ByteString start, ByteString end)
    {
        var given = new KeyRange(start.Memory, end.Memory);
        if (prefix.IsEmpty)
        {
            return given;
        }

        var all = StoredScan.OfPrefix(default, prefix.Memory);
        var under = given.Above(all.From);
        return all.To.IsEmpty ? under : under.Below(all.To);
    }

    /// <summary>Whether a scan of the range can be at this key: inside the range, or at its end.</summary>
    public bool HasBorder(ReadOnlySpan<byte> key) =>
        From.Span.SequenceCompareTo(key) <= 0 && (To.IsEmpty || key.SequenceCompareTo(To.Span) <= 0);

    /// <summary>The part of the range from a key on.</summary>
    public KeyRange Above(ReadOnlyMemory<byte> key)
    {
        var from = From.Span.SequenceCompareTo(key.Span) < 0 ? key : From;
        return this with { From = To.IsEmpty || from.Span.SequenceCompareTo(To.Span) < 0 ? from : To };
    }

    /// <summary>The part of the range before a key, which is not empty.</summary>
    public KeyRange Below(ReadOnlyMemory<byte> key)
    {
        var to = To.IsEmpty || key.Span.SequenceCompareTo(To.Span) < 0 ? key : To;
        return this with { To = to.Span.SequenceCompareTo(From.Span) > 0 ? to : From };
    }

    /// <summary>
    /// The one shard that contains all keys of a range, because their common prefix contains the whole tag; null if they may be in
    /// several shards.
    /// </summary>
    public static ShardId? OneShard(ShardMap map, KeyspaceDescriptor keyspace, ByteString prefix, ByteString start, ByteString end)
    {
        if (map.ShardCount == 1)
        {
            return new ShardId(0);
        }

        var common = prefix.IsEmpty ? start.Span[..start.Span.CommonPrefixLength(end.Span)] : prefix.Span;
        var isTagged = keyspace.Routing == RoutingRule.Tag && KeyHash.RoutedPart(RoutingRule.Tag, common).Length < common.Length;
        return isTagged ? map.ShardOf(keyspace, common) : null;
    }
}
