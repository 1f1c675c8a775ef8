using System.Globalization;

namespace KvRaft.Storage.Engine;

/// <summary>
/// The directory of one shard replica, and the one moment at which it changes hands.
/// <code>
///  g17/
///    db-3/           the engine; the highest number counts
///    db-2/           a predecessor, on its way out
/// </code>
/// A checkpoint becomes the state by being renamed to the next number: before the rename a crash leaves the old state, after it
/// the new one, and there is no moment with neither. Predecessors are deleted when their last reader has left, or at the next
/// opening.
/// </summary>
internal sealed class ReplicaDirectory
{
    private const string DatabasePrefix = "db-";

    /// <summary>A replica directory that is being deleted; a crash in between must not leave half of one that could be opened.</summary>
    private const string DroppedSuffix = ".dropped";

    private readonly string _path;
    private readonly IEngineFactory _engines;

    /// <summary>Of the files of the present engine; another engine has files of the same names, and a dictionary of its own.</summary>
    private Dictionary<string, CheckpointFile> _checksums = [];
    private int _generation;

    private ReplicaDirectory(string path, IEngineFactory engines, int generation)
    {
        _path = path;
        _engines = engines;
        _generation = generation;
    }

    /// <summary>Told the name of every step of an install that was just completed (checked, synced, renamed). Tests end the world there.</summary>
    public Action<string>? StepDone { get; set; }

    /// <summary>The number of the engine that counts; an install that got past the point of no return has raised it.</summary>
    public int Generation => _generation;

    private string Current => DatabasePath(_generation);

    public static ReplicaDirectory Open(string path, IEngineFactory engines)
    {
        Directory.CreateDirectory(path);
        var numbers = Directory.EnumerateDirectories(path, DatabasePrefix + "*").Select(NumberOf).Where(number => number > 0).Order().ToList();
        var current = numbers is [.., var highest] ? highest : 1;
        var replica = new ReplicaDirectory(path, engines, current);
        foreach (var number in numbers.Where(number => number < current))
        {
            Directory.Delete(replica.DatabasePath(number), recursive: true);
        }

        return replica;
    }

    /// <summary>Deletes a replica that is not open, so that a crash leaves all of it or nothing that can be opened.</summary>
    public static void Delete(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var dropped = full + DroppedSuffix;
        if (Directory.Exists(dropped))
        {
            Directory.Delete(dropped, recursive: true);
        }

        if (Directory.Exists(full))
        {
            DurableFile.MoveDirectory(full, dropped);
            Directory.Delete(dropped, recursive: true);
        }
    }

    /// <summary>Opens the engine that counts.</summary>
    public EngineHandle OpenEngine()
    {
        var engine = _engines.Open(Current);
        DurableFile.SyncDirectory(_path);
        return new(engine);
    }

    /// <summary>
    /// Copies an engine that holds <paramref name="position"/> into a new directory. It is a complete checkpoint once the returned action has run, which
    /// needs neither the engine nor this replica to stand still.
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
    /// Makes a checkpoint the state of this replica and returns its engine. The old engine stays open: its owner retires it when
    /// readers have been sent to the new one, with <see cref="RetireReplaced"/>.
    /// </summary>
    /// <param name="directory">The checkpoint; consumed.</param>
    /// <param name="check">Judges the opened copy before anything is replaced; what it throws leaves the old state in force.</param>
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

    /// <summary>Retires the engine that <see cref="Install"/> replaced, and deletes its files once the last reader has left.</summary>
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
            // Only space is lost, and the next opening deletes it; the reader that happens to run this has nothing to do with it.
        }
    }

    /// <summary>0 for a directory that is none of ours.</summary>
    private static int NumberOf(string path) =>
        int.TryParse(Path.GetFileName(path)[DatabasePrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private string DatabasePath(int number) =>
        Path.Combine(_path, DatabasePrefix + number.ToString(CultureInfo.InvariantCulture));
}
