using KvRaft.Storage.Engine;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Shards;

/// <summary>
/// What readers may believe: the state after a complete batch, and the engine that holds it.
/// <para>
/// The engine makes a batch visible a moment before it is published. A reader in that moment may answer from the new batch, but must
/// not return before it is published: else the client could ask again, elsewhere or for another key, and be answered from a
/// state before the one it saw. For the same reason a reader takes the clock before the data: a key that the data still shows and
/// the older clock does not hide existed at some moment during the read, whereas a newer clock could hide a value that had been
/// replaced before the clock got there.
/// </para>
/// </summary>
internal sealed record Published(EngineHandle Handle, ShardState State);

/// <summary>A reader's hold on the engine.</summary>
internal readonly ref struct EngineLease(Published published)
{
    public Published Published { get; } = published;

    public IStorageEngine Engine => Published.Handle.Engine;

    public void Dispose() => Published.Handle.Release();
}
