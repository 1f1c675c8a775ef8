using System.Globalization;
using System.Net.Sockets;
using System.Text;
using KvRaft.Raft.Log;
using KvRaft.Raft.Telemetry;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Runs;

/// <summary>
/// This node's record of the others' runs, in memory and in a file. A directory that is an older copy of itself is refused by every node that has seen the later
/// run. A new run is on disk before its first connection is accepted; the progress of its log follows within <see cref="SavePeriod"/>.
/// <para>
/// If the disk cannot be written, nodes still connect: new records are kept in memory only, until the file can be written again.
/// </para>
/// <para>Thread-safe.</para>
/// <code>
///  kvraft-runs 1
///  n2 6 0192…-… 123456        node, generation, id, log batch
///  crc32c 9a8b7c6d            of all lines before
/// </code>
/// </summary>
internal sealed class RunBook
{
    public const string FileName = "runs";

    /// <summary>One small file and two syncs, only while other nodes' logs grow.</summary>
    public static readonly TimeSpan SavePeriod = TimeSpan.FromSeconds(2);

    /// <summary>Names are node names, but before the proof of the cluster secret a connection can use any name; names beyond the maximum size of a cluster are not recorded.</summary>
    public const int NodesMax = 4096;

    private const string Header = "kvraft-runs 1";

    private static long _runsInMemory;

    private readonly Lock _lock = new();
    private readonly Lock _fileLock = new();
    private readonly string? _path;
    private readonly IFileSystem _files;
    private readonly ILogger _logger;
    private readonly SortedDictionary<NodeId, KnownRun> _known = [];
    private readonly Dictionary<NodeId, List<(long Generation, WeakReference<Socket> Socket)>> _connections = [];
    private bool _isChanged;
    private bool _isFailing;

    /// <param name="directory">The node's data directory; null: nothing is stored.</param>
    /// <param name="self">The run of this node.</param>
    /// <param name="files">The file system that syncs the directory.</param>
    /// <param name="logger">The logger of the Raft host.</param>
    /// <exception cref="LogOpenException">The file exists and cannot be read.</exception>
    public RunBook(string? directory, NodeRun self, IFileSystem files, ILogger logger)
    {
        _path = directory is null ? null : Path.Combine(directory, FileName);
        _files = files;
        _logger = logger;
        Self = self;
        Load();
    }

    /// <summary>The run of a node without a data directory; each is later than the previous ones in this process.</summary>
    public static RunBook InMemory() =>
        new(null, new NodeRun(Interlocked.Increment(ref _runsInMemory), Guid.NewGuid(), 0), OsFileSystem.Instance, NullLogger.Instance);

    /// <summary>The run of this node.</summary>
    public NodeRun Self { get; }

    /// <summary>Returns whether a run of a node is alive at this moment. Set before the first connection.</summary>
    public Func<NodeId, Guid, bool> IsConnected { get; set; } = static (_, _) => false;

    /// <summary>The nodes that this one ever connected to.</summary>
    public IReadOnlyList<NodeId> Nodes
    {
        get
        {
            lock (_lock)
            {
                return [.. _known.Keys];
            }
        }
    }

    public KnownRun? Of(NodeId node)
    {
        lock (_lock)
        {
            return _known.TryGetValue(node, out var known) ? known : null;
        }
    }

    /// <summary>Checks the run of a node. A new run is recorded durably, and the connections of the previous one are closed.</summary>
    /// <param name="node">The node's name in the connection.</param>
    /// <param name="run">Its run.</param>
    /// <param name="isConfirmed">
    /// The node proved that it has the cluster secret, or this node connected to the address that the cluster agreed on for it. Otherwise the run is checked and not recorded: a party
    /// that only connects and sends a name could make this node refuse the real one permanently, with an invented generation.
    /// </param>
    public RunVerdict Meet(NodeId node, NodeRun run, bool isConfirmed)
    {
        List<Socket> superseded;
        lock (_lock)
        {
            KnownRun? known = _known.TryGetValue(node, out var last) ? last : null;
            var verdict = RunRules.Judge(known, run, known is not null && IsConnected(node, last.Id));
            if (verdict != RunVerdict.New)
            {
                return verdict;
            }

            if (!isConfirmed || (known is null && _known.Count >= NodesMax))
            {
                return verdict;
            }

            _known[node] = new KnownRun(run.Generation, run.Id, run.LogBatch);
            _isChanged = true;
            superseded = TakeConnectionsBefore(node, run.Generation);
        }

        superseded.ForEach(static socket => socket.Dispose());
        LogMessages.RunMet(_logger, node.Value, run.Generation, run.LogBatch);
        Save();
        return RunVerdict.New;
    }

    /// <summary>Registers a connection to or from a run; it is closed when a later run connects. False: that has happened already.</summary>
    public bool TryHold(NodeId node, NodeRun run, Socket socket)
    {
        lock (_lock)
        {
            // The run is later than the recorded one, and was checked but not confirmed.
            if (_known.TryGetValue(node, out var known) && known.Id != run.Id && run.Generation <= known.Generation)
            {
                return false;
            }

            if (!_connections.TryGetValue(node, out var connections))
            {
                _connections[node] = connections = [];
            }

            connections.RemoveAll(static held => !held.Socket.TryGetTarget(out var open) || open.SafeHandle.IsClosed);
            connections.Add((run.Generation, new WeakReference<Socket>(socket)));
            return true;
        }
    }

    /// <summary>A run reports how far its log is written.</summary>
    public void Report(NodeId node, Guid run, long logBatch)
    {
        lock (_lock)
        {
            if (_known.TryGetValue(node, out var known) && known.Id == run && known.LogBatch < logBatch)
            {
                _known[node] = known with { LogBatch = logBatch };
                _isChanged = true;
            }
        }
    }

    /// <summary>Writes the file if it changed. Blocks for two syncs.</summary>
    public void Save()
    {
        lock (_fileLock)
        {
            string text;
            lock (_lock)
            {
                if (!_isChanged || _path is null)
                {
                    return;
                }

                text = Format(_known);
                _isChanged = false;
            }

            try
            {
                DurableFile.Write(_path, Encoding.UTF8.GetBytes(text), _files);
                _isFailing = false;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                lock (_lock)
                {
                    _isChanged = true;
                }

                if (!_isFailing)
                {
                    _isFailing = true;
                    LogMessages.RunsNotSaved(_logger, _path, error.Message);
                }
            }
        }
    }

    internal static string Format(IEnumerable<KeyValuePair<NodeId, KnownRun>> known)
    {
        var text = new StringBuilder(Header).Append('\n');
        foreach (var (node, run) in known)
        {
            text.Append(CultureInfo.InvariantCulture, $"{node.Value} {run.Generation} {run.Id:D} {run.LogBatch}\n");
        }

        return SealedText.Seal(text.ToString());
    }

    /// <summary>Null: damaged, or of another version.</summary>
    internal static Dictionary<NodeId, KnownRun>? Parse(string text)
    {
        if (SealedText.TryOpen(text)?.Split('\n') is not [Header, .. var lines, ""])
        {
            return null;
        }

        var known = new Dictionary<NodeId, KnownRun>();
        foreach (var line in lines)
        {
            if (line.Split(' ') is not [var node, var generation, var id, var batch] || !NodeId.IsValid(node)
                || !long.TryParse(generation, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || !Guid.TryParseExact(id, "D", out var run)
                || !long.TryParse(batch, NumberStyles.None, CultureInfo.InvariantCulture, out var logBatch))
            {
                return null;
            }

            known[new NodeId(node)] = new KnownRun(number, run, logBatch);
        }

        return known;
    }

    /// <summary>If the content of the file is damaged, a new one is begun: this node then refuses only the copies whose later run it has seen since.</summary>
    private void Load()
    {
        if (_path is null || Read(_path) is not { } text)
        {
            return;
        }

        if (Parse(text) is { } known)
        {
            foreach (var (node, run) in known)
            {
                _known[node] = run;
            }
        }
        else
        {
            LogMessages.RunsDamaged(_logger, _path);
        }
    }

    /// <summary>Null: there is no file.</summary>
    private static string? Read(string path)
    {
        try
        {
            return DurableFile.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LogOpenException($"The record of other nodes' runs '{path}' cannot be read: {error.Message}", error);
        }
    }

    private List<Socket> TakeConnectionsBefore(NodeId node, long generation)
    {
        var taken = new List<Socket>();
        if (_connections.TryGetValue(node, out var connections))
        {
            foreach (var (_, reference) in connections.Where(held => held.Generation < generation))
            {
                if (reference.TryGetTarget(out var socket))
                {
                    taken.Add(socket);
                }
            }

            connections.RemoveAll(held => held.Generation < generation);
        }

        return taken;
    }
}
