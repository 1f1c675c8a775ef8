using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Raft.Leadership;
using KvRaft.Raft.Proposals;
using KvRaft.Simulation.Tests.Groups;
using KvRaft.Storage.Commands;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Transcripts;

/// <summary>
/// A simulated group that acts only when a command of a script requires it. No message is lost or reordered unless a command does it, and no
/// disk writes by itself. Each command returns the lines that describe its effects: the state of a replica is compared before and after each step. docs/testing.md lists
/// the commands.
/// </summary>
internal sealed class ScriptedGroup : IAsyncDisposable
{
    /// <summary>Rounds of deliveries after which a group that is not idle is in a livelock.</summary>
    private const int StabilizeMax = 100;

    private readonly GroupBug _bug;
    private readonly FixedChance _chance = new();
    private readonly GroupRecord _record = new();
    private readonly string _directory = GroupRun.NewDirectory();
    private readonly List<(string Text, int Replica, Proposal Proposal)> _proposals = [];
    private readonly List<(int Replica, ReadAttempt Read)> _reads = [];
    private readonly List<string> _lines = [];
    private readonly List<string> _sent = [];
    private SimulatedReplica[] _replicas = [];
    private Wire _wire = null!;
    private bool _hasFaultReported;

    public ScriptedGroup(GroupBug bug)
    {
        _bug = bug;
        _record.IsHeld = (replica, position) => _replicas[replica].Holds(position.Index, position.Term);
    }

    /// <summary>Runs one command.</summary>
    /// <returns>Its effects, a line each.</returns>
    public IReadOnlyList<string> Run(string command)
    {
        _lines.Clear();
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Execute(words[0], words[1..]);
        if (_record.Fault is { } fault && !_hasFaultReported)
        {
            _hasFaultReported = true;
            _lines.Add($"VIOLATED: {fault.Split('\n')[0]}");
        }

        return [.. _lines];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private void Execute(string verb, string[] words)
    {
        switch (verb)
        {
            case "voters":
                Begin(words);
                break;
            case "lead":
                Lead(words[0]);
                break;
            case "tick":
                Tick(words);
                break;
            case "time":
                Array.ForEach(_replicas, replica => replica.NowMs += Number(words[0]));
                break;
            case "campaign":
                Act(Replica(words[0]), static replica => replica.Campaign());
                break;
            case "succeed":
                Succeed(Replica(words[0]));
                break;
            case "transfer":
                Request(Replica(words[0]), replica => replica.TryTransfer(Replica(words[1])));
                break;
            case "propose":
                Propose(Replica(words[0]), words[1..]);
                break;
            case "read":
                Read(Replica(words[0]), words[1]);
                break;
            case "add-voter" or "remove-voter":
                Request(Replica(words[0]), replica => replica.TryChangeVoters(Replica(words[1])));
                break;
            case "write":
                ForEach(words, static replica => replica.Pump());
                break;
            case "apply":
                ForEach(words, static replica => replica.Apply(int.MaxValue));
                break;
            case "deliver":
                Deliver(Selected(words));
                break;
            case "drop":
                Drop(Selected(words));
                break;
            case "stabilize":
                Stabilize();
                break;
            case "partition":
                Partition(words);
                break;
            case "heal":
                _wire.Heal();
                break;
            case "stop" or "power-off":
                Stop(Replica(words[0]), power: verb == "power-off");
                break;
            case "start":
                Start(Replica(words[0]));
                break;
            case "flush":
                Act(Replica(words[0]), replica => replica.Flush(words.Length > 1 ? Number(words[1]) : 0));
                break;
            case "lower-next":
                Act(Replica(words[0]), static replica => replica.MoveNextIndexesBack());
                break;
            case "catch-up":
                CatchUp(Replica(words[0]), Replica(words[1]));
                break;
            case "values":
                _lines.Add($"{words[0]}: {string.Join(", ", words.Skip(1).Select(key => $"{key}={_replicas[Replica(words[0])].Value(key) ?? "absent"}"))}");
                break;
            case "status":
                ForEachNumber(words, Status);
                break;
            default:
                throw new InvalidOperationException($"A script has no command '{verb}'.");
        }
    }

    // ---- commands ----

    private void Begin(string[] words)
    {
        // "3 spares 1 run-bytes 100 runs-last 0"
        var options = words.Skip(1).Chunk(2).ToDictionary(static pair => pair[0], static pair => Number(pair[1]), StringComparer.Ordinal);
        var setup = new GroupSetup
        {
            Voters = Number(words[0]),
            Spares = options.GetValueOrDefault("spares"),
            RunBytes = options.GetValueOrDefault("run-bytes", int.MaxValue),
            RunsLast = TimeSpan.FromMilliseconds(options.GetValueOrDefault("runs-last", 300)),
            Bug = _bug,
        };
        _wire = new Wire(_chance, setup.Replicas) { DisorderPercent = 0 };
        _wire.Sent += (message, isSent) => _sent.Add(
            $"{ReplicaText.Name(message.From)} -> {ReplicaText.Name(message.To)}: {ReplicaText.Message(message)}{(isSent ? "" : " (lost)")}");
        _replicas = [.. Enumerable.Range(0, setup.Replicas).Select(number => new SimulatedReplica(number, setup, _chance, _wire, _record, _directory))];
        Array.ForEach(_replicas, static replica => replica.NowMs = GroupRun.BeginsAtMs);
        ForEachNumber([], Status);
    }

    /// <summary>A replica wins an election and commits the first entry of its term. Only the states at the end are described.</summary>
    private void Lead(string name)
    {
        Execute("campaign", [name]);
        Stabilize();
        for (var round = 0; round < 3; round++)
        {
            Execute("time", ["200"]);
            Execute("tick", [name]);
            Stabilize();
        }

        _lines.Clear();
        ForEachNumber([], Status);
    }

    private void Tick(string[] words)
    {
        // "n2 x6": six times.
        var count = words is [.., ['x', .. var digits]] ? Number(digits) : 1;
        for (var tick = 0; tick < count; tick++)
        {
            ForEach([.. words.Where(static word => word[0] == 'n')], static replica => replica.Tick());
        }
    }

    private void Succeed(int gone)
    {
        var voters = _replicas[gone].Voters;
        var survivors = voters.Where(voter => voter != gone && _replicas[voter].IsUp).ToArray();
        var candidate = Succession.Candidate(
            new GroupId(1), [.. voters.Select(NodeOf)], [.. survivors.Select(survivor => (NodeOf(survivor), _replicas[survivor].Last, false))]);
        _lines.Add($"successor candidate: {candidate?.Value ?? "none"}");
        if (candidate is { } chosen)
        {
            Act(Array.FindIndex(_replicas, replica => NodeOf(Array.IndexOf(_replicas, replica)) == chosen), replica => replica.Succeed(survivors));
        }
    }

    private void Propose(int number, string[] puts)
    {
        foreach (var put in puts)
        {
            var parts = put.Split('=');
            var operation = new GroupOperation(Functions.Put, parts[0]) { Value = HistoryValue.Text(parts[1]) };
            if (_replicas[number].Offer(operation.Command(RequestStamp.None)) is { } proposal)
            {
                _proposals.Add((put, number, proposal));
            }
            else
            {
                _lines.Add($"{put}: refused, {ReplicaText.Name(number)} does not lead");
            }
        }

        Act(number, static replica =>
        {
            replica.Propose();
            if (replica.IsLeader)
            {
                replica.Replicate();
            }
        });
    }

    private void Read(int number, string key) => Act(number, replica =>
    {
        if (replica.BeginRead(key) is { } read)
        {
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"read {key}: {ReplicaText.Name(number)} must confirm term {read.Point.Term} and apply index {read.Point.Index}"));
            _reads.Add((number, read));
        }
        else
        {
            _lines.Add($"read {key}: refused, {ReplicaText.Name(number)} does not lead");
        }
    });

    private void Deliver(Predicate<Message> isSelected)
    {
        // Messages that a delivery causes are in flight for the next command.
        List<Message> messages = [];
        while (_wire.TakeOldest(isSelected) is { } message)
        {
            messages.Add(message);
        }

        foreach (var message in messages)
        {
            var (receiver, text) = (_replicas[message.To], $"{ReplicaText.Name(message.To)} <- {ReplicaText.Name(message.From)}: {ReplicaText.Message(message)}");
            if (!receiver.IsUp || _wire.IsCut(message.From, message.To))
            {
                _lines.Add($"{text} (lost)");
                continue;
            }

            _lines.Add(text);
            Act(message.To, replica => replica.Receive(message));
        }
    }

    private void Drop(Predicate<Message> isSelected)
    {
        while (_wire.TakeOldest(isSelected) is { } message)
        {
            _lines.Add($"{ReplicaText.Name(message.From)} -> {ReplicaText.Name(message.To)}: {ReplicaText.Message(message)} (dropped)");
        }
    }

    private void Stabilize()
    {
        for (var round = 0; round < StabilizeMax; round++)
        {
            var lines = _lines.Count;
            ForEach([], static replica => replica.Pump());
            Deliver(static _ => true);
            ForEach([], static replica => replica.Apply(int.MaxValue));
            if (_lines.Count == lines)
            {
                return;
            }
        }

        throw new InvalidOperationException($"The group is not idle after {StabilizeMax} rounds.");
    }

    private void Partition(string[] words)
    {
        // "n1 | n2 n3"
        var sides = string.Join(' ', words).Split('|').Select(side => side.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Replica).ToArray()).ToArray();
        foreach (var (one, other) in sides[0].SelectMany(one => sides[1].Select(other => (one, other))))
        {
            _wire.Cut(one, other);
            _wire.Cut(other, one);
        }
    }

    private void Stop(int number, bool power)
    {
        _replicas[number].Crash(power);
        _proposals.RemoveAll(proposal => proposal.Replica == number);
        _reads.RemoveAll(read => read.Replica == number);
    }

    private void Start(int number)
    {
        _replicas[number].Start();
        Status(number);
    }

    private void CatchUp(int number, int source)
    {
        var isInstalled = false;
        Act(number, replica =>
        {
            isInstalled = replica.TryInstallCheckpointOf(_replicas[source]);
            replica.RequestNextIndex(_replicas[source]);
        });
        if (!isInstalled)
        {
            _lines.Add($"{ReplicaText.Name(number)}: no checkpoint installed");
        }
    }

    private void Status(int number)
    {
        var replica = _replicas[number];
        if (!replica.IsUp)
        {
            _lines.Add($"{ReplicaText.Name(number)}: stopped");
            return;
        }

        var view = replica.View;
        var next = view.Voters.Where(voter => replica.NextIndexOf(voter) is not null).Select(voter => $"{ReplicaText.Name(voter)} {replica.NextIndexOf(voter)}").ToArray();
        _lines.Add($"{ReplicaText.Name(number)}: {ReplicaText.State(view)}{(next.Length > 0 ? $", next {string.Join(' ', next)}" : "")}");
    }

    // ---- steps ----

    private void Request(int number, Func<SimulatedReplica, bool> request)
    {
        var isAccepted = false;
        Act(number, replica => isAccepted = request(replica));
        if (!isAccepted)
        {
            _lines.Add($"{ReplicaText.Name(number)}: refused");
        }
    }

    /// <summary>Runs one step of a replica, and adds the changes of its state, the messages that it sent and the answers that clients received.</summary>
    private void Act(int number, Action<SimulatedReplica> act)
    {
        var replica = _replicas[number];
        if (!replica.IsUp)
        {
            _lines.Add($"{ReplicaText.Name(number)}: stopped");
            return;
        }

        var before = replica.View;
        act(replica);
        var changes = replica.IsUp ? ReplicaText.Changes(before, replica.View) : "stopped";
        if (changes.Length > 0)
        {
            _lines.Add($"{ReplicaText.Name(number)}: {changes}");
        }

        _lines.AddRange(_sent);
        _sent.Clear();
        AddAnswers();
    }

    private void AddAnswers()
    {
        foreach (var each in _proposals.Where(static each => each.Proposal.Task.IsCompleted).ToArray())
        {
            var result = each.Proposal.Task.Result;
            _lines.Add($"{each.Text}: {ResultText(result)}");
            _proposals.Remove(each);
        }

        foreach (var each in _reads.Where(static each => each.Read.IsAnswered || each.Read.IsRefused).ToArray())
        {
            _lines.Add($"read {each.Read.Key}: {(each.Read.IsAnswered ? each.Read.Value ?? "absent" : "refused, the term has changed")}");
            _reads.Remove(each);
        }
    }

    private static string ResultText(ProposalResult result) => result.Status switch
    {
        ProposalStatus.Applied => $"applied at {result.Position}",
        ProposalStatus.Unknown => "outcome unknown",
        _ => $"not executed ({result.Status})",
    };

    private void ForEach(string[] words, Action<SimulatedReplica> act) => ForEachNumber(words, number => Act(number, act));

    /// <summary>For the named replicas, or for all that run.</summary>
    private void ForEachNumber(string[] words, Action<int> act)
    {
        foreach (var number in words.Length > 0 ? words.Select(Replica) : Enumerable.Range(0, _replicas.Length).Where(number => _replicas[number].IsUp))
        {
            act(number);
        }
    }

    /// <summary>Without words all messages, with one those to a replica, with two those from the first to the second.</summary>
    private static Predicate<Message> Selected(string[] words)
    {
        var numbers = words.Select(Replica).ToArray();
        return numbers switch
        {
            [] => static _ => true,
            [var to] => message => message.To == to,
            [var from, var to] => message => message.From == from && message.To == to,
            _ => throw new InvalidOperationException("A link has two ends."),
        };
    }

    private static NodeId NodeOf(int number) => new(ReplicaText.Name(number));

    private static int Replica(string name) => Number(name[1..]) - 1;

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
