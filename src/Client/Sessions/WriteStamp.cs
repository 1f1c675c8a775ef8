namespace KvRaft.Client.Sessions;

/// <summary>The identity one write carries through all its attempts.</summary>
/// <param name="FirstUnacked">As it stood when the write began; attempts may send a newer one.</param>
internal readonly record struct WriteStamp(WriteSession Session, long Sequence, long FirstUnacked)
{
    public KvRequestId Id => new(Session.ClientId, Sequence);
}
