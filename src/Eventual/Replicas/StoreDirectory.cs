using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The directory of the store of eventual keys. Either <c>store</c> exists, or it is being built from <c>store.damaged</c>:
/// <code>
///  store          the engine
///  store.damaged  an engine whose files could not be read. Kept until the answers of this node count again in all its token ranges
///  store.new      a copy of the readable part of store.damaged, unfinished; becomes store by a rename
/// </code>
/// </summary>
internal static class StoreDirectory
{
    public static string Store(string directory) => Path.Combine(directory, "store");

    public static string Damaged(string directory) => Path.Combine(directory, "store.damaged");

    public static string Unfinished(string directory) => Path.Combine(directory, "store.new");

    public static bool HasDamaged(string directory) => Path.Exists(Damaged(directory));

    /// <summary>A store was set aside, and its copy is not complete yet.</summary>
    public static bool IsBeingRebuilt(string directory) => HasDamaged(directory) && !Path.Exists(Store(directory));

    /// <summary>
    /// Moves the damaged store away. Only one is kept: the readable part of an earlier one is in the later one. The incarnation ends, because the lost data
    /// may include
    /// this replica's record of its own writes.
    /// </summary>
    /// <exception cref="IOException">The disk does not allow it.</exception>
    public static void SetAside(string directory)
    {
        ReplicaIncarnation.Forget(directory);
        StoreMark.Drop(directory);
        if (!Path.Exists(Store(directory)))
        {
            return;
        }

        DurableFile.Delete(Damaged(directory));
        DurableFile.MoveDirectory(Store(directory), Damaged(directory));
    }

    public static void ClearUnfinished(string directory) => DurableFile.Delete(Unfinished(directory));

    public static void Finish(string directory) => DurableFile.MoveDirectory(Unfinished(directory), Store(directory));

    public static void DropDamaged(string directory) => DurableFile.Delete(Damaged(directory));
}
