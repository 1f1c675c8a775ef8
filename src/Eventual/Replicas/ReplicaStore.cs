using KvRaft.Eventual.Causality;
using KvRaft.Storage;
using KvRaft.Storage.Engine;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The open store of eventual keys, with everything in memory that depends on it. When the store is reopened, the whole object is replaced, so that a
/// reader never combines
/// the trees of one store with the records of another. The writing thread writes; any thread reads.
/// </summary>
internal sealed class ReplicaStore : IDisposable
{
    private ReplicaStore(IStorageEngine engine, ReplicaIncarnation incarnation, EventualLimits limits)
    {
        (Engine, Incarnation, Hints) = (engine, incarnation, new HintLedger(limits));
        Load();
        Batch = new ReplicaBatch(engine, new WriteNames(incarnation.Id, incarnation.Starts), limits, Hints, Crowded) { Tenures = LoadTenures() };
    }

    public IStorageEngine Engine { get; }

    public ReplicaIncarnation Incarnation { get; }

    public HintLedger Hints { get; }

    public HashTrees Trees { get; } = new();

    public CrowdedKeys Crowded { get; } = new();

    public ReplicaBatch Batch { get; }

    /// <exception cref="StorageException">The store cannot be opened, or its content cannot be read.</exception>
    public static ReplicaStore Open(string directory, IEngineFactory engines, EventualLimits limits)
    {
        try
        {
            return OpenFiles(directory, engines, limits);
        }
        catch (Exception error) when (OpenFault.Concerns(error))
        {
            throw OpenFault.Of(error, directory);
        }
    }

    private static ReplicaStore OpenFiles(string directory, IEngineFactory engines, EventualLimits limits)
    {
        var engine = engines.OpenJournaled(StoreDirectory.Store(directory));
        try
        {
            if (StoreMark.Read(directory) is var mark && engine.Sequence < mark)
            {
                throw new StorageCorruptionException(
                    FormattableString.Invariant($"The store in {directory} has {engine.Sequence} changes although {mark} were synced: files of it are gone or cut."));
            }

            return new ReplicaStore(engine, ReplicaIncarnation.TakeUp(directory), limits);
        }
        catch (Exception error) when (error is EventualFormatException or ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            // Rows that this replica wrote itself and that have another form: their checksums hold, their content does not.
            engine.Dispose();
            throw new StorageCorruptionException($"The rows of {directory} are malformed: {error.Message}", error);
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    public void Dispose() => Engine.Dispose();

    private void Load()
    {
        using var snapshot = Engine.TakeSnapshot();
        using (var leaves = snapshot.Scan([RecordLayout.LeafPrefix], [RecordLayout.LeafPrefix + 1]))
        {
            while (leaves.MoveNext())
            {
                Trees.Load(RecordLayout.PlaceOfLeaf(leaves.Key), BitConverter.ToUInt64(leaves.Value));
            }
        }

        using (var crowd = snapshot.Scan([RecordLayout.ManyPrefix], [RecordLayout.ManyPrefix + 1]))
        {
            while (crowd.MoveNext())
            {
                Crowded.Changed(0, RecordLayout.ManyOf(crowd.Key, crowd.Value).Siblings);
            }
        }

        using var hints = snapshot.Scan([RecordLayout.HintPrefix], [RecordLayout.HintPrefix + 1]);
        while (hints.MoveNext())
        {
            var (key, node) = RecordLayout.PartsOfHint(hints.Key);
            Hints.Load(node, key, BitConverter.ToInt64(hints.Value));
        }
    }

    private TenureBook LoadTenures() => Engine.Get(RecordLayout.Tenures) is { } bytes ? TenureBookCodec.Decode(bytes) : TenureBook.Blank;
}
