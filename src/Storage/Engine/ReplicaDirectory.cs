using System.Globalization;

namespace KvRaft.Storage.Engine;

/// <summary>
/// The directory of one shard replica, and the atomic step that replaces its content.
/// <code>
///  g17/
///    db-3/           the engine; the highest number is current
///    db-2/           a predecessor, to be deleted
/// </code>
/// A checkpoint becomes the state by a rename to the next number: before the rename a crash leaves the old state, after it
/// the new one, and there is no moment with neither. Predecessors are deleted when their last reader has finished, or at the next
/// opening.
/// </summary>
internal sealed class ReplicaDirectory
{
    private const string DatabasePrefix = "db-";

    /// <summary>A replica directory that is being deleted; a crash in between must not leave a partial directory that could be opened.</summary>
    private const string DroppedSuffix = ".dropped";

    private readonly string _path;
    private readonly IEngineFactory _engines;

    /// <summary>The checksums of files of the current engine; another engine has files of the same names, and a separate dictionary.</summary>
    private Dictionary<string, CheckpointFile> _checksums = [];
    private int _generation;

    private ReplicaDirectory(string path, IEngineFactory engines, int generation)
    {
        _path = path;
        _engines = engines;
        _generation = generation;
    }

    /// <summary>Receives the name of every completed step of an install (checked, synced, renamed). Tests simulate a crash there.</summary>
    public Action<string>? StepDone { get; set; }

    /// <summary>The number of the current engine; an install that passed the point of no return has increased it.</summary>
    public int Generation => _generation;

    private string Current => DatabasePath(_generation);

    public static ReplicaDirectory Open(string path, IEngineFactory engines)
    {
        Directory.CreateDirectory(path);
        // Also files: one in the place of the current engine means that its state is lost.
        var numbers = Directory.EnumerateFileSystemEntries(path, DatabasePrefix + "*").Select(NumberOf).Where(number => number > 0).Order().ToList();
        var current = numbers is [.., var highest] ? highest : 1;
        var replica = new ReplicaDirectory(path, engines, current);
        foreach (var number in numbers.Where(number => number < current))
        {
            DurableFile.Delete(replica.DatabasePath(number));
        }

        return replica;
    }

    /// <summary>Deletes a replica that is not open, so that a crash leaves all of it or nothing that can be opened.</summary>
    public static void Delete(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var dropped = full + DroppedSuffix;
        DurableFile.Delete(dropped);
        if (Path.Exists(full))
        {
            DurableFile.MoveDirectory(full, dropped);
            DurableFile.Delete(dropped);
        }
    }

    /// <summary>Opens the current engine.</summary>
    public EngineHandle OpenEngine()
    {
        var engine = _engines.Open(Current);
        DurableFile.SyncDirectory(_path);
        return new(engine);
    }

    /// <summary>
    /// Copies an engine at <paramref name="position"/> into a new directory. The checkpoint is complete once the returned action has run. The action can run
    /// beside writes to the engine and to this replica.
    /// </summary>
    public Action TakeCheckpoint(IStorageEngine engine, string directory, LogPosition position)
    {
        if (Path.Exists(directory))
        {
            throw new ArgumentException($"{directory} exists already.", nameof(directory));
        }

        var known = _checksums;
        Guarded(() => engine.SaveCheckpoint(directory));
        return () => Guarded(() => CheckpointManifest.Write(directory, position, known));

        void Guarded(Action step)
        {
            try
            {
                step();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new StorageException($"A checkpoint into {directory} failed: {error.Message}", error);
            }
        }
    }

    /// <summary>
    /// Makes a checkpoint the state of this replica and returns its engine. The old engine stays open: when its owner has published the new one
    /// to readers, it retires the old one with <see cref="RetireReplaced"/>.
    /// </summary>
    /// <param name="directory">The checkpoint; consumed.</param>
    /// <param name="check">Checks the opened copy before anything is replaced; if it throws, the old state remains.</param>
    public EngineHandle Install(string directory, Action<IStorageEngine> check)
    {
        using (var engine = _engines.Open(directory))
        {
            check(engine);
        }

        StepDone?.Invoke("checked");
        foreach (var file in Directory.GetFiles(directory))
        {
            DurableFile.SyncFile(file);
        }

        DurableFile.SyncDirectory(directory);
        StepDone?.Invoke("synced");
        DurableFile.MoveDirectory(directory, DatabasePath(_generation + 1));
        _generation++;
        _checksums = [];
        StepDone?.Invoke("renamed");
        File.Delete(Path.Combine(Current, CheckpointManifest.FileName));
        return new(_engines.Open(Current));
    }

    /// <summary>Retires the engine that <see cref="Install"/> replaced, and deletes its files once the last reader has finished.</summary>
    public void RetireReplaced(EngineHandle replaced)
    {
        var path = DatabasePath(_generation - 1);
        replaced.Retire(() => DeleteLeftovers(path));
    }

    private static void DeleteLeftovers(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (IOException)
        {
            // Only disk space is lost, and the next opening deletes the files; the reader that runs this must not fail for it.
        }
    }

    /// <summary>0 for a directory with another name.</summary>
    private static int NumberOf(string path) =>
        int.TryParse(Path.GetFileName(path)[DatabasePrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private string DatabasePath(int number) =>
        Path.Combine(_path, DatabasePrefix + number.ToString(CultureInfo.InvariantCulture));
}
