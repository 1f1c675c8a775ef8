using KvRaft.Raft.Log;

namespace KvRaft.Simulation.Tests.Log;

/// <summary>The power failed at this call. All calls fail until <see cref="SimFileSystem.Crash"/>.</summary>
internal sealed class PowerCutException() : IOException("The power was cut.");

/// <summary>
/// A file system in memory that distinguishes written from synced data. A crash keeps a random part of the unsynced
/// data: nothing, all, sectors in any order, a part of a sector; and a random part of the unsynced names. Every member
/// takes one lock, so the log's own threads may use it.
/// </summary>
internal sealed class SimFileSystem : IFileSystem
{
    private const int Sector = 512;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _locks = [];
    private SortedDictionary<string, Inode> _names = new(StringComparer.Ordinal);
    private SortedDictionary<string, Inode> _durableNames = new(StringComparer.Ordinal);
    private readonly List<Action<SortedDictionary<string, Inode>>> _pendingNames = [];
    private int _callsLeft = int.MaxValue;
    private IOException? _fault;
    private string? _faultPath;
    private readonly Dictionary<string, int> _callsTo = [];

    /// <summary>Incremented by each crash; handles of an earlier life fail.</summary>
    private int _life;

    /// <summary>The free space that the disk reports. Writes do not reduce it.</summary>
    public long BytesFree { get; set; } = long.MaxValue;

    public long FreeBytes(string directory) => BytesFree;

    public bool IsCut { get; private set; }

    /// <summary>The number of syncs of files and directories so far.</summary>
    public int Syncs { get; private set; }

    /// <summary>The number of calls so far that change a file or directory.</summary>
    public int Calls { get; private set; }

    /// <summary>The number of these calls that named this path.</summary>
    public int CallsTo(string path) => _callsTo.GetValueOrDefault(path);

    /// <summary>Called before each sync. A test may block the writer there.</summary>
    public Action? OnFlush { get; set; }

    /// <summary>The power will fail at the n-th changing call from now. The call may take effect in part.</summary>
    public void CutPowerAt(int call) => (_callsLeft, _fault, _faultPath) = (call, null, null);

    /// <summary>Only the n-th changing call from now (in the given file, if any) fails.</summary>
    public void FailAt(int call, IOException fault, string? path = null) => (_callsLeft, _fault, _faultPath) = (call, fault, path);

    public void CancelFaults() => (_callsLeft, _fault, _faultPath) = (int.MaxValue, null, null);

    /// <summary>The process crashes, also at a call at which the power was to fail. The operating system continues.</summary>
    public void KillProcess()
    {
        lock (_lock)
        {
            _life++;
            IsCut = false;
            _locks.Clear();
            CancelFaults();
        }
    }

    /// <summary>The machine crashes and restarts.</summary>
    public void Crash(Random random)
    {
        lock (_lock)
        {
            var mode = random.Next(4);
            var names = new SortedDictionary<string, Inode>(_durableNames, StringComparer.Ordinal);
            var kept = random.Next(_pendingNames.Count + 1);
            for (var i = 0; i < _pendingNames.Count; i++)
            {
                if (mode switch { 0 => false, 1 => true, 2 => i < kept, _ => random.Next(2) == 0 })
                {
                    _pendingNames[i](names);
                }
            }

            _names = names;
            _durableNames = new SortedDictionary<string, Inode>(names, StringComparer.Ordinal);
            _pendingNames.Clear();
            foreach (var inode in names.Values)
            {
                inode.Crash(random);
            }

        }

        KillProcess();
    }

    public byte[] Bytes(string path) => _names[path].Current.ToArray();

    /// <summary>Changes the content of a file on disk without a write, as a failing disk does.</summary>
    public void Corrupt(string path, Func<byte[], byte[]> change)
    {
        var inode = _names[path];
        inode.Replace(change(inode.Current.ToArray()));
    }

    public void Remove(string path)
    {
        _names.Remove(path);
        _durableNames.Remove(path);
    }

    public void CreateDirectory(string path)
    {
    }

    public IReadOnlyList<string> ListFiles(string directory) =>
        [.. _names.Keys.Where(name => Path.GetDirectoryName(name) == directory).Select(name => Path.GetFileName(name))];

    public IFile Open(string path, FileOpening opening)
    {
        lock (_lock)
        {
            if (opening == FileOpening.Create)
            {
                Change(path);
                // The call would empty an existing file of this name. The log creates only new files and replaces leftovers.
                var created = new Inode();
                _names[path] = created;
                _pendingNames.Add(names => names[path] = created);
                return new SimFile(this, path, created, isReadOnly: false);
            }

            return _names.TryGetValue(path, out var inode)
                ? new SimFile(this, path, inode, opening == FileOpening.Read)
                : throw new FileNotFoundException(path);
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            Change(path);
            if (!_names.Remove(path))
            {
                throw new FileNotFoundException(path);
            }

            _pendingNames.Add(names => names.Remove(path));
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Change(to);
            Move(_names);
            _pendingNames.Add(Move);
        }

        void Move(SortedDictionary<string, Inode> names)
        {
            if (names.Remove(from, out var inode))
            {
                names[to] = inode;
            }
        }
    }

    public void SyncDirectory(string path)
    {
        lock (_lock)
        {
            Change(path);
            Syncs++;
            _pendingNames.Clear();
            _durableNames = new SortedDictionary<string, Inode>(_names, StringComparer.Ordinal);
        }
    }

    public IDisposable Lock(string path)
    {
        lock (_lock)
        {
            return _locks.Add(path) ? new Unlocker(this, path) : throw new IOException("Locked.");
        }
    }

    private void Change(string path)
    {
        if (IsCut)
        {
            throw new PowerCutException();
        }

        Calls++;
        _callsTo[path] = _callsTo.GetValueOrDefault(path) + 1;
        if ((_faultPath is not null && _faultPath != path) || --_callsLeft > 0)
        {
            return;
        }

        _callsLeft = int.MaxValue;
        if (_fault is { } fault)
        {
            throw fault;
        }

        IsCut = true;
        throw new PowerCutException();
    }

    private sealed class Unlocker(SimFileSystem fs, string path) : IDisposable
    {
        public void Dispose() => fs._locks.Remove(path);
    }

    private sealed class Inode
    {
        private readonly List<(int Offset, byte[] Bytes)> _pending = [];
        private byte[] _durable = [];

        public byte[] Current { get; private set; } = [];

        public void Write(int offset, ReadOnlySpan<byte> bytes)
        {
            Current = Put(Current, offset, bytes);
            _pending.Add((offset, bytes.ToArray()));
        }

        public void Flush()
        {
            foreach (var (offset, bytes) in _pending)
            {
                _durable = Put(_durable, offset, bytes);
            }

            _pending.Clear();
        }

        // As on Linux after a failed write-back: the pages are marked clean, and their content is only in memory.
        public void LoseUnsynced() => _pending.Clear();

        public void Replace(byte[] bytes) => (Current, _durable) = (bytes, bytes.ToArray());

        public void Crash(Random random)
        {
            var mode = random.Next(5);
            foreach (var (offset, bytes) in _pending)
            {
                var cut = random.Next(bytes.Length + 1);
                for (var at = 0; at < bytes.Length;)
                {
                    var end = Math.Min(bytes.Length, at + Sector - (offset + at) % Sector);
                    var keep = mode switch
                    {
                        0 => 0,
                        1 => end - at,
                        2 => Math.Clamp(cut - at, 0, end - at),
                        3 => random.Next(2) * (end - at),
                        _ => random.Next(3) switch { 0 => 0, 1 => end - at, _ => random.Next(end - at + 1) },
                    };
                    _durable = Put(_durable, offset + at, bytes.AsSpan(at, keep));
                    at = end;
                }
            }

            _pending.Clear();
            Current = _durable.ToArray();
        }

        private static byte[] Put(byte[] content, int offset, ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length > 0 && content.Length < offset + bytes.Length)
            {
                Array.Resize(ref content, offset + bytes.Length);
            }

            bytes.CopyTo(content.AsSpan(Math.Min(offset, content.Length)));
            return content;
        }
    }

    private sealed class SimFile(SimFileSystem fs, string path, Inode inode, bool isReadOnly) : IFile
    {
        private readonly int _life = fs._life;
        private bool _isClosed;

        public long Length
        {
            get
            {
                Use();
                return inode.Current.Length;
            }
        }

        public int Read(long offset, Span<byte> buffer)
        {
            lock (fs._lock)
            {
                Use();
                var count = (int)Math.Clamp(inode.Current.Length - offset, 0, buffer.Length);
                inode.Current.AsSpan((int)Math.Min(offset, inode.Current.Length), count).CopyTo(buffer);
                return count;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (fs._lock)
            {
                Use();
                Assert.False(isReadOnly, "Wrote to a file opened for reading.");
                try
                {
                    fs.Change(path);
                }
                catch (PowerCutException)
                {
                    // The call had begun: its bytes are treated as any other unsynced write.
                    inode.Write((int)offset, bytes);
                    throw;
                }

                inode.Write((int)offset, bytes);
            }
        }

        public void FlushData()
        {
            fs.OnFlush?.Invoke();
            lock (fs._lock)
            {
                Use();
                try
                {
                    fs.Change(path);
                }
                catch (IOException failure) when (failure is not PowerCutException)
                {
                    inode.LoseUnsynced();
                    throw;
                }

                fs.Syncs++;
                inode.Flush();
            }
        }

        public void Dispose() => _isClosed = true;

        private void Use()
        {
            ObjectDisposedException.ThrowIf(_isClosed || _life != fs._life, this);
        }
    }
}
