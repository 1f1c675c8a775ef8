using KvRaft.Storage.Engine;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Shards;

/// <summary>
/// The state that readers may use: the state after a complete batch, and the engine that holds it.
/// <para>
/// The engine makes a batch visible a moment before it is published. A reader in that moment may return data of the new batch, but must
/// not return before the batch is published: otherwise a second request of the client, to another node or for another key, could see a
/// state before the one of the first. For the same reason a reader takes the clock before the data: if the data still contains a key and
/// the older clock does not hide it, the key existed at some moment during the read. A newer clock could hide a value that had been
/// replaced before the clock got there.
/// </para>
/// </summary>
internal sealed record Published(EngineHandle Handle, ShardState State);

/// <summary>The lease of a reader on the engine.</summary>
internal readonly ref struct EngineLease(Published published)
{
    public Published Published { get; } = published;

    public IStorageEngine Engine => Published.Handle.Engine;

    public void Dispose() => Published.Handle.Release();
}
