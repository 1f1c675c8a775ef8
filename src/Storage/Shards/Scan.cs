using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Shards;

/// <summary>
/// One bounded read of a range of one keyspace. <see cref="From"/> is inclusive, <see cref="To"/> exclusive and empty for "to the
/// end"; a reverse scan reads the same range from its end.
/// </summary>
public sealed record ScanRequest(KeyspaceId Keyspace, ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To)
{
    public bool Reverse { get; init; }

    /// <summary>Most items in the page.</summary>
    public int ItemsMax { get; init; } = 1_000;

    /// <summary>Keys and values of a page, bytes. The item that exceeds the limit is the last one, so a page always advances.</summary>
    public int BytesMax { get; init; } = 1024 * 1024;

    /// <summary>Bytes that no page exceeds, except a page of a single item: the memory of the caller.</summary>
    public int BytesHardMax { get; init; } = int.MaxValue;

    /// <summary>
    /// Most keys that a page may read, so that a range full of expired keys ends a page instead of occupying the thread of the reader. A page
    /// that reaches this bound may be empty and still have a <see cref="ScanPage.ResumeKey"/>.
    /// </summary>
    public int RowsMax { get; init; } = 10_000;

    /// <summary>
    /// Bytes of key and value above which an item has no value, and is marked so: for a caller that merges many pages and has no memory for a large value of
    /// each. Its value does not
    /// count towards <see cref="BytesMax"/>, but its key does.
    /// </summary>
    public int ItemBytesMax { get; init; } = int.MaxValue;

    /// <summary>Omit the values.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>All keys that begin with <paramref name="prefix"/>.</summary>
    public static ScanRequest OfPrefix(KeyspaceId keyspace, ReadOnlyMemory<byte> prefix) =>
        new(keyspace, prefix, Schema.KeyLayout.AfterPrefix(prefix.Span));
}

/// <summary>One key of a page.</summary>
/// <param name="IsWhole">False: the value was left out, because the item is larger than <see cref="ScanRequest.ItemBytesMax"/>.</param>
public readonly record struct ScanItem(ReadOnlyMemory<byte> Key, StoredValue Value, bool IsWhole = true);

/// <summary>The result of a scan, all of it from one moment.</summary>
/// <param name="Items">In the order of the scan.</param>
/// <param name="ResumeKey">
/// Null: the range is complete. Otherwise the next page's <see cref="ScanRequest.From"/>, or its <see cref="ScanRequest.To"/> in reverse.
/// A page may be empty and still have one, if all its keys had expired.
/// </param>
/// <param name="Revision">The shard's revision at that moment.</param>
/// <param name="Clock">The shard's clock at that moment, Unix milliseconds.</param>
public sealed record ScanPage(IReadOnlyList<ScanItem> Items, ReadOnlyMemory<byte>? ResumeKey, long Revision, long Clock);
