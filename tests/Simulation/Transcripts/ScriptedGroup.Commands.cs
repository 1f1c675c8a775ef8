using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Raft.Leadership;
using KvRaft.Simulation.Tests.Groups;
using KvRaft.Storage.Commands;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Transcripts;

/// <content>The commands that are more than one step of a replica.</content>
internal sealed partial class ScriptedGroup
{
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
}
