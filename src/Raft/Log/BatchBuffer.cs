namespace KvRaft.Raft.Log;

/// <summary>The bytes of one batch, in one array that is reused for the next batch.</summary>
internal sealed class BatchBuffer
{
    // Enough for some hundred small records before the first growth.
    private byte[] _bytes = new byte[64 << 10];

    private long _batch;
    private ulong _salt;
    private RecordHeader _lastHeader;
    private int _lastOffset;

    /// <summary>Offset of the batch in its segment, bytes.</summary>
    public long Offset { get; private set; }

    public int Length { get; private set; }

    public int Records { get; private set; }

    public void Begin(long offset, long batch, ulong salt)
    {
        Clear();
        Offset = offset;
        _batch = batch;
        _salt = salt;
    }

    public void Clear()
    {
        Length = 0;
        Records = 0;
    }

    /// <summary>Adds a record; the caller writes its payload into the returned span before the next call.</summary>
    public Span<byte> Reserve(int payloadLength)
    {
        var needed = Length + RecordHeader.BytesFor(payloadLength);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(needed, _bytes.Length * 2));
        }

        // Only the padding must be cleared; it is at most 7 bytes, so the last word is cleared.
        _bytes.AsSpan(needed - RecordHeader.Alignment, RecordHeader.Alignment).Clear();
        return _bytes.AsSpan(Length + RecordHeader.Bytes, payloadLength);
    }

    /// <summary>Completes the record begun by <see cref="Reserve"/>; returns its offset in the segment.</summary>
    public int Commit(RecordKind kind, byte detail, ReplicaKey key, long sequence, Storage.LogPosition position, int payloadLength)
    {
        var checksum = Crc32C.Of(_bytes.AsSpan(Length + RecordHeader.Bytes, payloadLength));
        _lastHeader = new RecordHeader(kind, detail, false, _batch, key, sequence, position.Index, position.Term, payloadLength, checksum);
        _lastOffset = Length;
        _lastHeader.Write(_bytes.AsSpan(_lastOffset), _salt, Offset + _lastOffset);
        Length += _lastHeader.TotalBytes;
        Records++;
        return checked((int)(Offset + _lastOffset));
    }

    /// <summary>Marks the last record as the last of the batch. The bytes are valid until the next <see cref="Reserve"/>.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        (_lastHeader with { IsLastOfBatch = true }).Write(_bytes.AsSpan(_lastOffset), _salt, Offset + _lastOffset);
        return _bytes.AsSpan(0, Length);
    }
}
