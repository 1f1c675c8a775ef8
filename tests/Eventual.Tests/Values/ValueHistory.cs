using System.Collections.Immutable;
using CsCheck;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Values;

namespace KvRaft.Eventual.Tests.Values;

/// <summary>A change at a replica, or a merge of the value of another replica into it.</summary>
internal readonly record struct ValueStep(int Replica, int Other, bool Sync, int Element, int Delta, bool Remove);

/// <summary>Replicas of one value, and the plain sets of events from which the expected value follows.</summary>
internal sealed class ValueHistory
{
    public const int Replicas = 3;

    private static readonly string[] Names = ["a", "b", "c"];

    private readonly MergeValue[] _values;
    private readonly ImmutableHashSet<int>[] _known;
    private readonly List<(ValueStep Step, ImmutableHashSet<int> Seen)> _events = [];
    private readonly ulong[] _counters = new ulong[Replicas];

    public ValueHistory(MergeKind kind)
    {
        _values = [.. Enumerable.Repeat(MergeValue.InitialOf(kind), Replicas)];
        _known = [.. Enumerable.Repeat(ImmutableHashSet<int>.Empty, Replicas)];
    }

    public static Gen<ValueStep[]> Steps { get; } = Gen.Select(
        Gen.Int[0, Replicas - 1], Gen.Int[0, Replicas - 1], Gen.Bool, Gen.Int[0, 2], Gen.Int[-5, 9], Gen.Bool,
        static (replica, other, sync, element, delta, remove) => new ValueStep(replica, other, sync, element, delta, remove)).Array[0, 30];

    public MergeValue[] Values => _values;

    public static ValueHistory Play(MergeKind kind, ValueStep[] steps)
    {
        var history = new ValueHistory(kind);
        Array.ForEach(steps, history.Play);
        return history;
    }

    /// <summary>The sum of all additions that the replica has received.</summary>
    public Int128 CountAt(int replica) => _known[replica].Sum(index => _events[index].Step.Delta);

    /// <summary>Elements with an addition that the replica has received, which no received removal and no later received addition of the element had
    /// seen.</summary>
    public string[] ElementsAt(int replica) =>
    [
        .. Names.Where((_, element) => _known[replica].Any(added =>
            _events[added].Step is { Remove: false } step && step.Element == element
            && !_known[replica].Any(later => _events[later].Step.Element == element && _events[later].Seen.Contains(added)))),
    ];

    private void Play(ValueStep step)
    {
        if (step.Sync)
        {
            _values[step.Replica] = _values[step.Replica].Merge(_values[step.Other])!;
            _known[step.Replica] = _known[step.Replica].Union(_known[step.Other]);
            return;
        }

        var actor = new ActorId((ulong)step.Replica + 1, 1);
        var mark = new WriteMark(new Dot(actor, ++_counters[step.Replica]), HybridStamp.AtStartOf(_events.Count + 1));
        _events.Add((step, _known[step.Replica]));
        _values[step.Replica] = ChangeFor(_values[step.Replica].Kind, step).ApplyTo(_values[step.Replica], mark)!;
        _known[step.Replica] = _known[step.Replica].Add(_events.Count - 1);
    }

    private static MergeChange ChangeFor(MergeKind kind, ValueStep step) => kind switch
    {
        MergeKind.Counter => new AddToCounter(step.Delta),
        MergeKind.Set when step.Remove => new ChangeSet([], [Element(step)]),
        MergeKind.Set => new ChangeSet([Element(step)], []),
        MergeKind.Register => new WriteRegister(Element(step)),
        _ => new ChangeField(
            Names[step.Element], ChangeFor(step.Element switch { 0 => MergeKind.Counter, 1 => MergeKind.Set, _ => MergeKind.Register }, step)),
    };

    private static ReadOnlyMemory<byte> Element(ValueStep step) => new[] { (byte)Names[step.Element][0] };
}
