namespace KvRaft.Client.Sessions;

/// <summary>The identity of one write, the same in all attempts.</summary>
/// <param name="Session">The session.</param>
/// <param name="Sequence">The number in the session.</param>
/// <param name="FirstUnacked">The value when the write started; attempts may send a newer one.</param>
internal readonly record struct WriteStamp(WriteSession Session, long Sequence, long FirstUnacked)
{
    /// <summary>The index that the client had seen of the shard before the first attempt; null: none.</summary>
    public V1.SeenIndex? After { get; init; }

    public KvRequestId Id => new(Session.ClientId, Sequence) { AfterShard = After?.Shard ?? 0, AfterIndex = After?.Index ?? 0 };
}
