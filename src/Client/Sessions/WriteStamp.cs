namespace KvRaft.Client.Sessions;

/// <summary>The identity one write carries through all its attempts.</summary>
/// <param name="FirstUnacked">As it stood when the write began; attempts may send a newer one.</param>
internal readonly record struct WriteStamp(WriteSession Session, long Sequence, long FirstUnacked)
{
    /// <summary>What the client had seen of the shard before it sent the write for the first time; null: nothing.</summary>
    public V1.SeenIndex? After { get; init; }

    public KvRequestId Id => new(Session.ClientId, Sequence) { AfterShard = After?.Shard ?? 0, AfterIndex = After?.Index ?? 0 };
}
