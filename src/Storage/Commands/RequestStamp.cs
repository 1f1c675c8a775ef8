using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;

namespace KvRaft.Storage.Commands;

/// <summary>
/// The id of one write: its writer, and the number that the writer gave it. A second write with the same stamp is the same write, and gets the
/// same answer (<see cref="SessionTable"/>). The default value requests no such protection.
/// </summary>
/// <param name="Client">The session of the writer.</param>
/// <param name="Sequence">The number of this write, from 1; unique and growing within the session, gaps are allowed.</param>
/// <param name="FirstUnacked">
/// The lowest number whose answer the writer still waits for; it never decreases. The shard may discard everything below.
/// </param>
/// <param name="After">
/// An index of the log of this shard that the writer had seen applied before it sent this write for the first time; 0: none. It stays the same in
/// every attempt. If the write was ever applied, it was applied above this index. So a shard that has discarded idle sessions
/// distinguishes a new writer from a discarded one, without comparing clocks.
/// </param>
public readonly record struct RequestStamp(ClientId Client, ulong Sequence, ulong FirstUnacked, long After = 0)
{
    /// <summary>No deduplication.</summary>
    public static readonly RequestStamp None;

    public bool IsNone => this == None;
}
