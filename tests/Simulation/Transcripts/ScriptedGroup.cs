using System.Globalization;
using KvRaft.Raft.Proposals;
using KvRaft.Simulation.Tests.Groups;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Transcripts;

/// <summary>
/// A simulated group that acts only when a command of a script requires it. No message is lost or reordered unless a command does it, and no
/// disk writes by itself. Each command returns the lines that describe its effects: the state of a replica is compared before and after each step. docs/testing.md lists
/// the commands.
/// </summary>
internal sealed partial class ScriptedGroup : IAsyncDisposable
{
    /// <summary>The beginning of a line that reports a violated invariant of the group.</summary>
    public const string Violation = "VIOLATED: ";

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
            _lines.Add($"{Violation}{fault.Split('\n')[0]}");
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
