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
/// What this node remembers of the others' runs, in memory and in a file, so that a directory which is an older copy of itself is refused wherever the later
/// one was seen. A new run is on disk before its first connection is accepted; how far its log came follows within <see cref="SavePeriod"/>.
/// <para>
/// A disk that cannot be written does not keep nodes apart: what is new is then remembered in memory alone, until the file can be written again.
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

    /// <summary>Names are those of nodes, but until a connection proves itself by the cluster secret any can be given; more than a cluster may have are not remembered.</summary>
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

    /// <param name="directory">The node's data directory; null: nothing is kept.</param>
    /// <param name="self">How this node introduces itself.</param>
    /// <param name="files">Where the directory is synced.</param>
    /// <param name="logger">Of the Raft host.</param>
    public RunBook(string? directory, NodeRun self, IFileSystem files, ILogger logger)
    {
        _path = directory is null ? null : Path.Combine(directory, FileName);
        _files = files;
        _logger = logger;
        Self = self;
        Load();
    }

    /// <summary>Of a node without a data directory; each is a later run than the ones before it in this process.</summary>
    public static RunBook InMemory() =>
        new(null, new NodeRun(Interlocked.Increment(ref _runsInMemory), Guid.NewGuid(), 0), OsFileSystem.Instance, NullLogger.Instance);

    /// <summary>How this node introduces itself.</summary>
    public NodeRun Self { get; }

    /// <summary>Whether a run of a node gives signs of life at this moment. Set before the first connection.</summary>
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

    /// <summary>Judges how a node introduces itself. A new run is remembered durably, and the connections of the one before it are closed.</summary>
    /// <param name="node">The name that it gives.</param>
    /// <param name="run">Its run.</param>
    /// <param name="isConfirmed">
    /// It proved that it has the cluster secret, or this node connected to the address that the cluster agreed on for it. Without that the run is judged and not remembered: a party
    /// that only connects and gives a name would otherwise make this node refuse the real one for good, by a generation that it invents.
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

    /// <summary>A connection to or from a run; closed when a later one is met. False: that has happened already.</summary>
    public bool TryHold(NodeId node, NodeRun run, Socket socket)
    {
        lock (_lock)
        {
            // A run that is later than the one that is remembered was judged and not confirmed.
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

    /// <summary>Writes the file if anything changed. Blocks for two syncs.</summary>
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

        return text.Append(Checksum(text.ToString())).ToString();
    }

    /// <summary>Null: damaged, or of another version.</summary>
    internal static Dictionary<NodeId, KnownRun>? Parse(string text)
    {
        var end = text.LastIndexOf("crc32c ", StringComparison.Ordinal);
        if (end < 0 || text[end..] != Checksum(text[..end]))
        {
            return null;
        }

        if (text[..end].Split('\n') is not [Header, .. var lines, ""])
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

    private static string Checksum(string text) => string.Create(CultureInfo.InvariantCulture, $"crc32c {Crc32C.Of(Encoding.UTF8.GetBytes(text)):x8}\n");

    /// <summary>A book that cannot be read is begun anew: this node then refuses no copy that it has not seen since.</summary>
    private void Load()
    {
        if (_path is null || !File.Exists(_path))
        {
            return;
        }

        if (Parse(File.ReadAllText(_path)) is { } known)
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
