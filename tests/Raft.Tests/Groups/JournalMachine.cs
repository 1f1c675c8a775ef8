using System.Buffers.Binary;
using System.IO.Hashing;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>The result of <see cref="JournalMachine"/>: how many commands it has applied.</summary>
internal sealed class JournalOutcome(long count) : Outcome
{
    public long Count { get; } = count;
}

/// <summary>
/// A minimal state machine: it stores every command in order, without the padding at its end. Its durable form is one file, written as a whole
/// on flush; a checkpoint is a directory.
/// </summary>
internal sealed class JournalMachine : IReplicatedStateMachine
{
    /// <summary>Makes a command of the size that a test requires.</summary>
    public const char Padding = '\0';

    private readonly Lock _gate = new();
    private readonly string _file;
    private readonly List<byte[]> _commands = [];
    private LogPosition _applied;
    private LogPosition _durable;

    public JournalMachine(string directory)
    {
        Directory.CreateDirectory(directory);
        _file = Path.Combine(directory, "journal");
        if (File.Exists(_file))
        {
            Load(_file);
            _durable = _applied;
        }
    }

    /// <summary>If set, the next apply fails with it, as on a disk fault.</summary>
    public Exception? Fault { get; set; }

    /// <summary>If set, a flush fails with it.</summary>
    public Exception? FlushFault { get; set; }

    /// <summary>If set, no checkpoint can be made.</summary>
    public StorageException? CheckpointFault { get; set; }

    /// <summary>If set, housekeeping calls it.</summary>
    public Action? Probing { get; set; }

    public event Action<StorageException>? Faulted;

    /// <summary>Reports a fault, as a read that finds it does.</summary>
    public void Report(StorageException fault) => Faulted?.Invoke(fault);

    public bool IsDisposed { get; private set; }

    /// <summary>How often a digest was started.</summary>
    public int DigestsTaken { get; private set; }

    /// <summary>If set, no further data becomes durable: the process is about to be killed.</summary>
    public bool IsDoomed { get; set; }

    public LogPosition Applied
    {
        get
        {
            lock (_gate)
            {
                return _applied;
            }
        }
    }

    public LogPosition Durable
    {
        get
        {
            lock (_gate)
            {
                return _durable;
            }
        }
    }

    public IReadOnlyList<string> Commands
    {
        get
        {
            lock (_gate)
            {
                return [.. _commands.Select(System.Text.Encoding.UTF8.GetString)];
            }
        }
    }

    public IReadOnlyList<IReadOnlyList<Outcome>> Apply(IReadOnlyList<CommittedEntry> entries)
    {
        lock (_gate)
        {
            if (Fault is { } fault)
            {
                throw fault;
            }

            var outcomes = new List<IReadOnlyList<Outcome>>();
            foreach (var entry in entries)
            {
                Invariant.Holds(entry.Position.Index == _applied.Index + 1, $"{entry.Position} does not follow {_applied}.");
                var answers = new List<Outcome>();
                foreach (var command in entry.Commands)
                {
                    _commands.Add(command.Span.TrimEnd((byte)Padding).ToArray());
                    answers.Add(new JournalOutcome(_commands.Count));
                }

                outcomes.Add(answers);
                _applied = entry.Position;
            }

            return outcomes;
        }
    }

    public void Flush()
    {
        lock (_gate)
        {
            if (FlushFault is { } fault)
            {
                throw fault;
            }

            if (IsDoomed)
            {
                return;
            }

            Save(_file + ".tmp");
            File.Move(_file + ".tmp", _file, overwrite: true);
            _durable = _applied;
        }
    }

    public LogPosition SaveCheckpoint(string directory)
    {
        lock (_gate)
        {
            if (CheckpointFault is { } fault)
            {
                throw fault;
            }

            Directory.CreateDirectory(directory);
            Save(Path.Combine(directory, "journal"));
            return _applied;
        }
    }

    public void InstallCheckpoint(string directory)
    {
        lock (_gate)
        {
            File.Move(Path.Combine(directory, "journal"), _file, overwrite: true);
            Load(_file);
            _durable = _applied;
        }
    }

    /// <summary>Changes the first applied command, as a fault of the disk or of the program would.</summary>
    public void Falsify()
    {
        lock (_gate)
        {
            _commands.Insert(0, "falsified"u8.ToArray());
        }
    }

    public DigestSource BeginDigest()
    {
        DigestsTaken++;
        var digest = Digest();
        return new DigestSource(_ => digest, static () => { });
    }

    public ulong Digest()
    {
        lock (_gate)
        {
            var hash = new XxHash3();
            foreach (var command in _commands)
            {
                hash.Append(command);
            }

            return hash.GetCurrentHashAsUInt64();
        }
    }

    public void Probe() => Probing?.Invoke();

    public ReadOnlyMemory<byte>? DueCommand(long nowMs) => null;

    public void Dispose() => IsDisposed = true;

    private void Save(string file)
    {
        using var stream = new FileStream(file, FileMode.Create);
        Span<byte> number = stackalloc byte[8];
        foreach (var value in (ReadOnlySpan<long>)[_applied.Term, _applied.Index, _commands.Count])
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
            stream.Write(number);
        }

        foreach (var command in _commands)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, command.Length);
            stream.Write(number);
            stream.Write(command);
        }

        stream.Flush(flushToDisk: true);
    }

    private void Load(string file)
    {
        using var reader = new BinaryReader(File.OpenRead(file));
        _applied = new LogPosition(reader.ReadInt64(), reader.ReadInt64());
        _commands.Clear();
        for (var count = reader.ReadInt64(); count > 0; count--)
        {
            _commands.Add(reader.ReadBytes((int)reader.ReadInt64()));
        }
    }
}
