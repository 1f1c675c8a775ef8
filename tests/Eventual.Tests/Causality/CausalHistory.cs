using System.Collections.Immutable;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Tests.Causality;

/// <summary>One step of a random history of one key. Numbers are taken modulo the number of existing objects.</summary>
internal readonly record struct Step(StepKind Kind, int Replica, int Other);

internal enum StepKind
{
    Read,
    WriteBlind,
    WriteRead,
    Delete,
    Sync,
    Wipe,
    Forget,
}

/// <summary>
/// Plays a history twice: with <see cref="SiblingSet"/>, and with plain sets of events, each of which contains the events that its writer had seen.
/// In the second play a value is current if it is in the set and no write or delete in the set had seen it. That is the meaning of causality, without any
/// vector.
/// </summary>
internal sealed class CausalHistory
{
    private readonly Replica[] _replicas;
    private readonly List<(VersionVector Vector, ImmutableHashSet<Dot> Events)> _reads = [(VersionVector.Empty, [])];
    private readonly Dictionary<Dot, ImmutableHashSet<Dot>> _replacedBy = [];
    private ulong _incarnations;
    private ulong _deletes;

    public CausalHistory(int replicas) =>
        _replicas = [.. Enumerable.Range(0, replicas).Select(_ => new Replica { Actor = Fresh() })];

    public IEnumerable<SiblingSet> States => _replicas.Select(static replica => replica.State);

    public void Play(Step step)
    {
        var replica = _replicas[step.Replica % _replicas.Length];
        switch (step.Kind)
        {
            case StepKind.Read:
                _reads.Add((replica.State.Seen, replica.Writes));
                break;
            case StepKind.WriteBlind:
                Write(replica, _reads[0]);
                break;
            case StepKind.WriteRead:
                Write(replica, _reads[step.Other % _reads.Count]);
                break;
            case StepKind.Delete:
                Delete(replica, _reads[step.Other % _reads.Count]);
                break;
            case StepKind.Sync:
                Sync(_replicas[step.Other % _replicas.Length], replica);
                break;
            case StepKind.Wipe:
                Lose(replica, Fresh());
                break;
            case StepKind.Forget:
                Lose(replica, replica.Actor with { Epoch = replica.Actor.Epoch + 1 });
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(step), step.Kind, "No such step.");
        }
    }

    public void SyncAll()
    {
        foreach (var from in _replicas)
        {
            Sync(from, _replicas[0]);
        }

        foreach (var to in _replicas)
        {
            Sync(_replicas[0], to);
        }
    }

    /// <summary>Null, or the difference between the two plays.</summary>
    public string? Difference()
    {
        for (var i = 0; i < _replicas.Length; i++)
        {
            var (replica, wanted) = (_replicas[i], Standing(_replicas[i]));
            var stands = replica.State.Siblings.Select(static sibling => sibling.Dot).ToImmutableHashSet();
            if (!stands.SetEquals(wanted))
            {
                return $"replica {i} shows {string.Join(" ", stands)}, and should {string.Join(" ", wanted)}";
            }

            if (!replica.Writes.All(replica.State.Seen.Contains))
            {
                return $"replica {i} has lost a write that it held";
            }
        }

        return null;
    }

    private ImmutableHashSet<Dot> Standing(Replica replica) =>
        [.. replica.Writes.Where(write => !replica.Events.Any(known => _replacedBy[known].Contains(write)))];

    private void Write(Replica replica, (VersionVector Vector, ImmutableHashSet<Dot> Events) read)
    {
        var dot = new Dot(replica.Actor, replica.State.Seen[replica.Actor] + 1);
        var sibling = new Sibling { Dot = dot, WrittenAt = default, Value = BitConverter.GetBytes(dot.Counter) };
        replica.State = replica.State.Write(read.Vector, sibling);
        _replacedBy[dot] = read.Events;
        replica.Writes = replica.Writes.Union(read.Events).Add(dot);
        replica.Events = replica.Events.Union(read.Events).Add(dot);
    }

    private void Delete(Replica replica, (VersionVector Vector, ImmutableHashSet<Dot> Events) read)
    {
        // A delete has no dot; the model names it by an actor that writes nothing.
        var name = new Dot(new ActorId(ulong.MaxValue, 0), ++_deletes);
        replica.State = replica.State.Delete(read.Vector);
        _replacedBy[name] = read.Events;
        replica.Writes = replica.Writes.Union(read.Events);
        replica.Events = replica.Events.Union(read.Events).Add(name);
    }

    private static void Sync(Replica from, Replica to)
    {
        to.State = to.State.Merge(from.State);
        to.Writes = to.Writes.Union(from.Writes);
        to.Events = to.Events.Union(from.Events);
    }

    private static void Lose(Replica replica, ActorId next)
    {
        replica.State = SiblingSet.Empty;
        replica.Writes = [];
        replica.Events = [];
        replica.Actor = next;
    }

    private ActorId Fresh() => new(++_incarnations, 1);

    private sealed class Replica
    {
        public required ActorId Actor { get; set; }

        public SiblingSet State { get; set; } = SiblingSet.Empty;

        public ImmutableHashSet<Dot> Writes { get; set; } = [];

        public ImmutableHashSet<Dot> Events { get; set; } = [];
    }
}
