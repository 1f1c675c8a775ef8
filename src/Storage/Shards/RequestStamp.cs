namespace KvRaft.Storage.Shards;

/// <summary>
/// The name of one write: who sends it and the number it gave it. Sending the same stamp again is the same write, and gets the
/// same answer (<see cref="SessionTable"/>). The default value asks for no such protection.
/// </summary>
/// <param name="Client">The session of the writer.</param>
/// <param name="Sequence">The writer's number for this write, from 1; unique and growing within the session, gaps are allowed.</param>
/// <param name="FirstUnacked">
/// The lowest number whose answer the writer still waits for; it never falls. Everything below may be forgotten.
/// </param>
public readonly record struct RequestStamp(ClientId Client, ulong Sequence, ulong FirstUnacked)
{
    /// <summary>No deduplication.</summary>
    public static readonly RequestStamp None;

    public bool IsNone => this == None;
}
