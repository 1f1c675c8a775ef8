using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Where the store of eventual keys is. There is a <c>store</c>, or one is being made out of <c>store.damaged</c>:
/// <code>
///  store          the engine
///  store.damaged  an engine whose files could not be read back. Kept until the word of this node counts again everywhere
///  store.new      a copy of what could be read of store.damaged, unfinished; becomes store by a rename
/// </code>
/// </summary>
internal static class StoreDirectory
{
    public static string Store(string directory) => Path.Combine(directory, "store");

    public static string Damaged(string directory) => Path.Combine(directory, "store.damaged");

    public static string Unfinished(string directory) => Path.Combine(directory, "store.new");

    public static bool HasDamaged(string directory) => Directory.Exists(Damaged(directory));

    /// <summary>A store was set aside, and its copy is not there yet.</summary>
    public static bool IsBeingRebuilt(string directory) => HasDamaged(directory) && !Directory.Exists(Store(directory));

    /// <summary>
    /// Takes the damaged store out of the way. One is kept: what could be read of an earlier one is in the one that follows it. The incarnation ends, because what this replica
    /// remembers of its own writes may be among what is lost.
    /// </summary>
    /// <exception cref="IOException">The disk does not allow it.</exception>
    public static void SetAside(string directory)
    {
        ReplicaIncarnation.Forget(directory);
        StoreMark.Drop(directory);
        if (!Directory.Exists(Store(directory)))
        {
            return;
        }

        if (HasDamaged(directory))
        {
            Directory.Delete(Damaged(directory), recursive: true);
        }

        DurableFile.MoveDirectory(Store(directory), Damaged(directory));
    }

    public static void ClearUnfinished(string directory)
    {
        if (Directory.Exists(Unfinished(directory)))
        {
            Directory.Delete(Unfinished(directory), recursive: true);
        }
    }

    public static void Finish(string directory) => DurableFile.MoveDirectory(Unfinished(directory), Store(directory));

    public static void DropDamaged(string directory) => Directory.Delete(Damaged(directory), recursive: true);
}
