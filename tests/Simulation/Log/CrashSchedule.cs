using System.Collections.Immutable;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Simulation.Tests.Log;

/// <summary>
/// One random schedule for a log, determined by its seed: operations on a few groups, power failures at any call, restarts, and, if requested, damaged
/// bytes in synced data. The model keeps the expected content of all groups after each operation. A restart must find one of these
/// contents, and not an older one than the last that was acknowledged.
/// </summary>
internal sealed class CrashSchedule
{
    private const string Directory = "/log";
    private const int GroupsMax = 5;

    private static readonly LogIdentity Identity = new(Guid.Parse("6f1c2a54-2f0b-4d3e-9a61-0c5d8e7b1a90"), new NodeId("node-1"));

    private readonly Random _random;
    private readonly bool _corrupts;
    private readonly SimFileSystem _fs = new();
    private readonly NodeLogOptions _options;

    // Expected contents since the last start, oldest first; the first one is the content that the start found.
    private readonly List<ImmutableSortedDictionary<ReplicaKey, GroupModel>> _worlds = [ImmutableSortedDictionary<ReplicaKey, GroupModel>.Empty];
    private readonly Queue<(int World, ValueTask Durable)> _waits = new();
    private readonly Dictionary<(ReplicaKey Key, long Index, long Term), LogEntry> _everAppended = [];
    private readonly Dictionary<ReplicaKey, long> _terms = [];
    private readonly HashSet<ReplicaKey> _dropped = [];
    private int _acknowledged;
    private bool _wasCorrupted;
    private NodeLog _log = null!;

    public CrashSchedule(int seed, bool corrupts)
    {
        _random = new Random(seed);
        _corrupts = corrupts;
        var segmentBytes = NodeLogOptions.SegmentBytesMin << _random.Next(3);
        _options = new NodeLogOptions
        {
            IsManual = true,
            SegmentBytes = segmentBytes,
            LogBytesMax = segmentBytes * _random.Next(1, 5),
            TailCacheBytes = _random.Next(3) switch { 0 => 0, 1 => 300, _ => 1 << 20 },
            BatchBytesMax = _random.Next(2) == 0 ? 300 : 1 << 20,
            PayloadBytesMax = 8000,
            Salt = () => (ulong)_random.NextInt64(),
        };
    }

    /// <summary>Restarts that found less than all operations, torn tails included. The tests print it to show that the schedules reach such cases.</summary>
    public int Losses { get; private set; }

    public int Damages { get; private set; }

    private ImmutableSortedDictionary<ReplicaKey, GroupModel> World => _worlds[^1];

    public async Task RunAsync()
    {
        var lives = _random.Next(2, 6);
        for (var life = 0; life < lives; life++)
        {
            Start();
            var isClean = await LiveAsync();
            if (isClean && _corrupts && _random.Next(2) == 0)
            {
                Corrupt();
                if (!RestartCorrupted())
                {
                    return;
                }

                await _log.DisposeAsync();
            }
        }

        Start();
        await _log.DisposeAsync();
    }

    /// <summary>The present content of the files, for the message of a failure.</summary>
    public string Dump()
    {
        using var text = new StringWriter();
        LogDump.Write(_fs, Directory, text, withRecords: true);
        return text.ToString();
    }

    private void Start()
    {
        while (true)
        {
            ArrangeFault(12);
            try
            {
                _log = NodeLog.Open(_fs, Directory, Identity, _options, NullLogger.Instance);
                break;
            }
            catch (LogOpenException failure) when (failure.InnerException is IOException)
            {
                Die();
            }
        }

        _fs.CancelFaults();
        _log.Pinned += OnPinned;
        CheckFound();
    }

    private void ArrangeFault(int callMax)
    {
        switch (_random.Next(6))
        {
            case 0:
                _fs.CutPowerAt(_random.Next(1, callMax));
                break;
            case 1:
                _fs.FailAt(_random.Next(1, callMax), new IOException("Input/output error."));
                break;
        }
    }

    // The process may crash alone; then its writes stay in the page cache.
    private void Die()
    {
        if (_random.Next(3) == 0)
        {
            _fs.KillProcess();
        }
        else
        {
            _fs.Crash(_random);
        }
    }

    private bool IsDead => _fs.IsCut || _log.Failure.IsFaulted;

    private void CheckFound()
    {
        if (!_wasCorrupted)
        {
            Assert.Empty(_log.Holes);
        }

        var found = Found();
        var match = _worlds.FindLastIndex(world => Matches(world, found));
        Assert.True(
            match >= _acknowledged,
            $"Found a world ({match}) that is not one of {_acknowledged}..{_worlds.Count - 1}.\nfound:\n{Describe(found)}\nacknowledged:\n{Describe(_worlds[_acknowledged])}\nlast:\n{Describe(World)}");
        Losses += match < _worlds.Count - 1 ? 1 : 0;
        BeginFrom(found);
    }

    private void BeginFrom(ImmutableSortedDictionary<ReplicaKey, GroupModel> world)
    {
        _worlds.Clear();
        _worlds.Add(world);
        _waits.Clear();
        _acknowledged = 0;
        foreach (var key in _terms.Keys.ToArray())
        {
            _terms[key]++; // After a restart, no other entry is written at an old index and term, as in Raft.
        }
    }

    private ImmutableSortedDictionary<ReplicaKey, GroupModel> Found() =>
        _log.Groups.ToImmutableSortedDictionary(key => key, key => GroupModel.Of(_log.OpenGroup(key)));

    private static bool Matches(ImmutableSortedDictionary<ReplicaKey, GroupModel> one, ImmutableSortedDictionary<ReplicaKey, GroupModel> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var group) && pair.Value.Matches(group));

    private static string Describe(ImmutableSortedDictionary<ReplicaKey, GroupModel> world) =>
        string.Join('\n', world.Select(pair => $"  {pair.Key}: {pair.Value}"));

    // Returns whether the log was closed in order.
    private async Task<bool> LiveAsync()
    {
        var operations = _random.Next(5, 50);
        ArrangeFault(60);
        if (_random.Next(2) == 0)
        {
            _fs.CutPowerAt(_random.Next(1, 60));
        }

        for (var i = 0; i < operations && !IsDead; i++)
        {
            Operate();
            Acknowledge();
        }

        if (!IsDead && _random.Next(2) == 0)
        {
            _log.Pump();
            Acknowledge();
        }

        if (!IsDead && _random.Next(2) == 0)
        {
            _fs.CancelFaults();
            await _log.DisposeAsync();
            Acknowledge();
            Assert.True(_log.Failure.Exception is null, $"The log failed: {_log.Failure.Exception}");
            Assert.Equal(_worlds.Count - 1, _acknowledged);
            return true;
        }

        Die();
        return false;
    }

    private void Acknowledge()
    {
        while (_waits.TryPeek(out var wait) && wait.Durable.IsCompletedSuccessfully)
        {
            wait.Durable.GetAwaiter().GetResult();
            _acknowledged = wait.World;
            _waits.Dequeue();
        }
    }

    private void Operate()
    {
        var roll = _random.Next(100);
        if (roll < 25)
        {
            _log.Pump();
            if (!IsDead)
            {
                CheckDurable();
            }
        }
        else if (roll < 30 && !_fs.IsCut)
        {
            try
            {
                _log.WriteMark();
            }
            catch (IOException)
            {
                // The mark is written lazily: if the write fails, the older mark remains.
            }
        }
        else if (roll < 35)
        {
            CheckReads();
        }
        else if (World.IsEmpty || (roll < 45 && World.Count < GroupsMax))
        {
            OpenGroup();
        }
        else
        {
            var key = World.Keys.ElementAt(_random.Next(World.Count));
            OperateOn(key, World[key], _log.OpenGroup(key));
        }
    }

    private void OpenGroup()
    {
        // Sometimes an old key, so that a dropped replica is opened again under its name.
        var key = new ReplicaKey(new GroupId(_random.Next(GroupsMax)), _random.Next(2));
        if (World.ContainsKey(key))
        {
            return;
        }

        var group = _log.OpenGroup(key, isKnownToBeNew: _random.Next(4) != 0);
        Assert.Equal(default, group.Start);
        _terms[key] = _terms.GetValueOrDefault(key) + 1;
        Record(key, new GroupModel(default, default, [], group.Damage is not null), group.WhenDurableAsync());
    }

    private void OperateOn(ReplicaKey key, GroupModel model, GroupLog group)
    {
        switch (_random.Next(12))
        {
            case 0 or 1 or 2 or 3 or 4:
                Append(key, model, group);
                return;
            case 5 when !model.Entries.IsEmpty:
                var from = _random.NextInt64(model.Start.Index + 1, model.Last.Index + 1);
                group.TruncateFrom(from);
                model = model.Truncated(from);
                _terms[key]++;
                break;
            case 6:
                model = model with { Ballot = NextBallot(model.Ballot) };
                group.SetBallot(model.Ballot.Term, model.Ballot.VotedFor.Span);
                break;
            case 7 or 8 when !model.Entries.IsEmpty:
                var start = PositionIn(model);
                group.SetStart(start);
                model = model.StartingAt(start);
                break;
            case 9:
                var reset = _random.Next(3) switch
                {
                    0 when !model.Entries.IsEmpty => PositionIn(model),
                    1 when !model.Entries.IsEmpty => PositionIn(model) with { Term = ++_terms[key] },
                    _ => new LogPosition(++_terms[key], model.Last.Index + _random.Next(1, 5)),
                };
                group.Reset(reset);
                model = model.ResetTo(reset);
                _terms[key]++;
                break;
            case 10 when model.IsDamaged:
                group.ClearDamage();
                model = model with { IsDamaged = false };
                break;
            case 11 when _random.Next(3) == 0:
                Record(World.Remove(key), _log.DropGroupAsync(key));
                _dropped.Add(key);
                return;
            default:
                return;
        }

        Record(key, model, group.WhenDurableAsync());
    }

    private void Append(ReplicaKey key, GroupModel model, GroupLog group)
    {
        for (var count = _random.Next(1, 4); count > 0; count--)
        {
            var entry = new LogEntry(model.Last.Index + 1, _terms[key], (LogEntryKind)_random.Next(1, 4), Payload());
            Assert.Equal(entry.Index, group.Append(entry.Term, entry.Kind, entry.Payload));
            _everAppended[(key, entry.Index, entry.Term)] = entry;
            model = model with { Entries = model.Entries.Add(entry) };
            Record(key, model, group.WhenDurableAsync());
        }
    }

    private void Record(ReplicaKey key, GroupModel model, ValueTask durable) => Record(World.SetItem(key, model), durable);

    private void Record(ImmutableSortedDictionary<ReplicaKey, GroupModel> world, ValueTask durable)
    {
        _worlds.Add(world);
        _waits.Enqueue((_worlds.Count - 1, durable));
    }

    private byte[] Payload()
    {
        if (_random.Next(6) == 0)
        {
            // The bytes of records, at the same alignment. The log must not read them as records.
            var name = _fs.ListFiles(Directory).Last(file => Segment.TryParseName(file, out _));
            var bytes = _fs.Bytes(Path.Combine(Directory, name));
            return bytes[..Math.Min(bytes.Length, SegmentHeader.Bytes + (_random.Next(20) * RecordHeader.Alignment))][SegmentHeader.Bytes..];
        }

        var payload = new byte[_random.Next(10) == 0 ? _random.Next(3000) : _random.Next(120)];
        _random.NextBytes(payload);
        return payload;
    }

    private Ballot NextBallot(Ballot ballot)
    {
        var vote = new byte[_random.Next(1, 20)];
        _random.NextBytes(vote);
        return _random.Next(2) == 0 && ballot.VotedFor.IsEmpty
            ? ballot with { VotedFor = vote }
            : new Ballot(ballot.Term + _random.Next(1, 3), _random.Next(2) == 0 ? vote : []);
    }

    private LogPosition PositionIn(GroupModel model)
    {
        var entry = model.Entries[_random.Next(model.Entries.Count)];
        return new LogPosition(entry.Term, entry.Index);
    }

    private void OnPinned(ReplicaKey key, LogPosition position)
    {
        // Raised inside a pump, where the model is complete. Half of the groups move their start.
        if (World.TryGetValue(key, out var model) && position.Index > model.Start.Index && position.Index <= model.Last.Index && _random.Next(2) == 0)
        {
            var group = _log.OpenGroup(key);
            group.SetStart(position);
            Record(key, model.StartingAt(position), group.WhenDurableAsync());
        }
    }

    private void CheckDurable()
    {
        foreach (var key in World.Keys)
        {
            var group = _log.OpenGroup(key);
            Assert.Equal(group.LastIndex, group.DurableIndex);
        }

        CheckReads();
    }

    private void CheckReads()
    {
        foreach (var (key, model) in World)
        {
            var group = _log.OpenGroup(key);
            Assert.True(model.Matches(GroupModel.Of(group)), $"{key} reads {GroupModel.Of(group)}, should {model}");
            Assert.Equal(model.Last, group.Last);
            Assert.All(model.Entries, entry => Assert.Equal(entry.Term, group.TermAt(entry.Index)));
        }
    }

    private void Corrupt()
    {
        _wasCorrupted = true;
        if (_random.Next(8) == 0)
        {
            // Only the mark: a damaged mark together with a lost tail is two faults, which the log cannot detect.
            _fs.Corrupt(Path.Combine(Directory, DurableMark.FileName), bytes => Flip(bytes, _random.Next(2) * DurableMark.SlotDistance, DurableMark.SlotBytes));
            return;
        }

        for (var count = _random.Next(1, 3); count > 0; count--)
        {
            // A file may be empty because an earlier iteration cut it.
            var segments = _fs.ListFiles(Directory)
                .Where(file => Segment.TryParseName(file, out _) && _fs.Bytes(Path.Combine(Directory, file)).Length > 0)
                .ToArray();
            if (segments.Length == 0)
            {
                return;
            }

            var path = Path.Combine(Directory, segments[_random.Next(segments.Length)]);
            if (_random.Next(12) == 0)
            {
                _fs.Remove(path);
            }
            else
            {
                _fs.Corrupt(path, CorruptBytes);
            }
        }
    }

    private byte[] CorruptBytes(byte[] bytes)
    {
        var content = Math.Max(1, SegmentScanner.ContentEnd(bytes));
        switch (_random.Next(5))
        {
            case 0: // A sector that was never written.
                var sector = _random.Next((content + 511) / 512) * 512;
                bytes.AsSpan(sector, Math.Min(512, bytes.Length - sector)).Clear();
                return bytes;
            case 1: // A file that was cut.
                return bytes[.._random.Next(bytes.Length)];
            default:
                return Flip(bytes, 0, content);
        }
    }

    private byte[] Flip(byte[] bytes, int offset, int length)
    {
        bytes[offset + _random.Next(length)] ^= (byte)(1 << _random.Next(8));
        return bytes;
    }

    // Returns whether the log could be opened.
    private bool RestartCorrupted()
    {
        var expected = World;
        try
        {
            _log = NodeLog.Open(_fs, Directory, Identity, _options, NullLogger.Instance);
        }
        catch (LogOpenException failure)
        {
            Assert.Contains("missing or unreadable", failure.Message, StringComparison.Ordinal);
            return false;
        }

        _log.Pinned += OnPinned;
        foreach (var (key, model) in expected)
        {
            CheckCorrupted(key, model);
        }

        foreach (var key in _log.Groups.Where(key => !expected.ContainsKey(key)))
        {
            Assert.NotNull(_log.OpenGroup(key).Damage);
        }

        _log.Pump();
        foreach (var key in _log.Groups)
        {
            _terms.TryAdd(key, 0);
            _terms[key] = Math.Max(_terms[key], expected.GetValueOrDefault(key)?.Last.Term ?? 0);
        }

        BeginFrom(Found());
        return true;
    }

    private void CheckCorrupted(ReplicaKey key, GroupModel expected)
    {
        var wasKnown = _log.Contains(key);
        var group = _log.OpenGroup(key);
        var found = GroupModel.Of(group);
        if (!found.IsDamaged || expected.IsDamaged)
        {
            // A group that was damaged before stays damaged, and may have lost more entries.
            Assert.True(found.IsDamaged || found.Matches(expected), $"{key} was silently changed.\nfound: {found}\nexpected: {expected}\nholes: {string.Join('\n', _log.Holes)}");
        }
        else
        {
            Damages++;
            Assert.NotEmpty(_log.Holes);
        }

        Assert.True(wasKnown || found.IsDamaged);
        // If the drop and the reopening of a replica are lost, the log finds the replica in its earlier state.
        Assert.True(found.Ballot.Term <= expected.Ballot.Term || _dropped.Contains(key), $"{key} found {found}, not {expected}");
        Assert.All(found.Entries, entry => Assert.True(GroupModel.Same(entry, _everAppended[(key, entry.Index, entry.Term)])));
    }
}
