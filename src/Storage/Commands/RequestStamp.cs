using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;

namespace KvRaft.Storage.Commands;

/// <summary>
/// The name of one write: who sends it and the number it gave it. Sending the same stamp again is the same write, and gets the
/// same answer (<see cref="SessionTable"/>). The default value asks for no such protection.
/// </summary>
/// <param name="Client">The session of the writer.</param>
/// <param name="Sequence">The writer's number for this write, from 1; unique and growing within the session, gaps are allowed.</param>
/// <param name="FirstUnacked">
/// The lowest number whose answer the writer still waits for; it never falls. Everything below may be forgotten.
/// </param>
/// <param name="After">
/// An index of this shard's log that the writer had seen applied before it sent this write for the first time; 0: none. It stays the same in
/// every attempt. If the write was ever applied, it was applied above this index: this is how a shard that forgot idle sessions
/// distinguishes a new writer from a forgotten one, without comparing clocks.
/// </param>
public readonly record struct RequestStamp(ClientId Client, ulong Sequence, ulong FirstUnacked, long After = 0)
{
    /// <summary>No deduplication.</summary>
    public static readonly RequestStamp None;

    public bool IsNone => this == None;
}
