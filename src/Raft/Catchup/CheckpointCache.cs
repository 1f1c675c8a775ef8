using System.Collections.Concurrent;
using System.Globalization;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// The checkpoints that one replica offers to others. A checkpoint consists of hard links, so it is cheap and does not pause
/// writers. It is kept while a replica fetches it, and deleted when it is released or unused for a while. Any replica serves checkpoints, leader or
/// not: with one voter dead and one behind there is no leader that could. Thread-safe.
/// </summary>
internal sealed class CheckpointCache : IDisposable
{
    /// <summary>An interrupted fetch may resume after a restart of its node; a minute covers that, and links cost only disk space.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(2);

    private readonly string _directory;
    private readonly Func<string, CancellationToken, Task<LogPosition>> _save;
    private readonly Func<CancellationToken, Task<(byte[] Configuration, long Version)>> _configuration;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ConcurrentDictionary<string, Shelved> _shelved = [];
    private readonly ConcurrentDictionary<string, Need> _needs = [];
    private long _number;

    public CheckpointCache(
        string directory,
        Func<string, CancellationToken, Task<LogPosition>> save,
        Func<CancellationToken, Task<(byte[] Configuration, long Version)>> configuration,
        TimeProvider time,
        ILogger logger)
    {
        _directory = directory;
        _save = save;
        _configuration = configuration;
        _time = time;
        _logger = logger;

        // A replica that was fetching when this node went down starts again.
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>
    /// The index of the oldest checkpoint that is being fetched or was fetched a moment ago; null: there is none. The fetching replica needs the entries behind it.
    /// </summary>
    public long? NeededFrom
    {
        get
        {
            foreach (var (id, need) in _needs)
            {
                if (_time.GetElapsedTime(need.At) > KeptFor)
                {
                    _needs.TryRemove(new(id, need));
                }
            }

            return _needs.IsEmpty ? null : _needs.Values.Min(static need => (long?)need.Index);
        }
    }

    /// <summary>A replica that has fetched a checkpoint requests the entries that it needs by itself.</summary>
    public void ForgetReleased()
    {
        foreach (var id in _needs.Keys)
        {
            if (!_shelved.ContainsKey(id))
            {
                _needs.TryRemove(id, out _);
            }
        }
    }

    /// <summary>Makes a checkpoint of the present state, or offers a recent one.</summary>
    public async Task<CheckpointManifest> OfferAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            DropStale();
            Directory.CreateDirectory(_directory);
            var id = string.Create(CultureInfo.InvariantCulture, $"{_time.GetUtcNow().ToUnixTimeMilliseconds():x}-{++_number}");
            var path = Path.Combine(_directory, id);
            var position = await SaveAsync(path, cancellationToken).ConfigureAwait(false);
            var (configuration, version) = await _configuration(cancellationToken).ConfigureAwait(false);
            var files = new DirectoryInfo(path).GetFiles()
                .OrderBy(file => file.Name, StringComparer.Ordinal)
                .Select(file => new CheckpointFile(file.Name, file.Length))
                .ToArray();
            var manifest = new CheckpointManifest(id, position.Term, position.Index, version, configuration, files);
            _shelved[id] = new Shelved(manifest, _time.GetTimestamp());
            _needs[id] = new Need(manifest.Index, _time.GetTimestamp());
            LogMessages.CheckpointOffered(_logger, id, position.Index, files.Length, files.Sum(file => file.Length));
            return manifest;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>An unfinished copy is deleted: no replica would request it, and its links keep tables on disk.</summary>
    private async Task<LogPosition> SaveAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await _save(path, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }

            throw;
        }
    }

    /// <exception cref="PeerRequestException">The checkpoint or file does not exist (any more), or the range is outside the file.</exception>
    public async ValueTask<byte[]> ReadAsync(string id, string file, long offset, int length, CancellationToken cancellationToken)
    {
        long fileLength;
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // The name is looked up in the list, never joined to a path unchecked.
            if (!_shelved.TryGetValue(id, out var shelved)
                || shelved.Manifest.Files.FirstOrDefault(candidate => candidate.Name == file) is not { } found)
            {
                throw new PeerRequestException($"checkpoint {id} has no file '{file}' here");
            }

            shelved.UsedAt = _time.GetTimestamp();
            _needs[id] = new Need(shelved.Manifest.Index, shelved.UsedAt);
            fileLength = found.Length;
        }
        finally
        {
            _turn.Release();
        }

        if (offset < 0 || length is <= 0 or > PeerFrame.BodyBytesMax || length > fileLength || offset > fileLength - length)
        {
            throw new PeerRequestException($"bytes {offset}+{length} of '{file}' are outside the file's {fileLength} bytes");
        }

        var bytes = new byte[length];
        using var handle = File.OpenHandle(Path.Combine(_directory, id, file), options: FileOptions.Asynchronous);
        for (var read = 0; read < length;)
        {
            var count = await RandomAccess.ReadAsync(handle, bytes.AsMemory(read), offset + read, cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                throw new PeerRequestException($"'{file}' ended early");
            }

            read += count;
        }

        return bytes;
    }

    public void Release(string id)
    {
        _turn.Wait();
        try
        {
            Drop(id);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Deletes offers that are no longer used: their hard links keep tables that the engine has long replaced. While a checkpoint is being made, the next call does it.
    /// </summary>
    public void Tidy()
    {
        if (!_shelved.IsEmpty && _turn.Wait(0))
        {
            try
            {
                DropStale();
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    public void Dispose() => _turn.Dispose();

    private void DropStale()
    {
        foreach (var id in _shelved.Where(entry => _time.GetElapsedTime(entry.Value.UsedAt) > KeptFor).Select(entry => entry.Key).ToArray())
        {
            Drop(id);
        }
    }

    private void Drop(string id)
    {
        if (_shelved.TryRemove(id, out _))
        {
            Directory.Delete(Path.Combine(_directory, id), recursive: true);
        }
    }

    /// <summary>This includes released checkpoints: the replica that fetched one must still catch up from there.</summary>
    private sealed record Need(long Index, long At);

    private sealed class Shelved(CheckpointManifest manifest, long usedAt)
    {
        public CheckpointManifest Manifest { get; } = manifest;

        public long UsedAt { get; set; } = usedAt;
    }
}
