using CsCheck;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Tests.Causality;

internal static class Histories
{
    private static readonly Gen<StepKind> Kind = Gen.Frequency(
        (4, Gen.Const(StepKind.Read)), (3, Gen.Const(StepKind.WriteBlind)), (6, Gen.Const(StepKind.WriteRead)),
        (2, Gen.Const(StepKind.Delete)), (6, Gen.Const(StepKind.Sync)), (1, Gen.Const(StepKind.Wipe)), (1, Gen.Const(StepKind.Forget)));

    /// <summary>Histories of one key on up to five replicas. A read may be old, as that of a client that waited for an hour.</summary>
    public static readonly Gen<(int Replicas, Step[] Steps)> Any = Gen.Select(
        Gen.Int[1, 5], Gen.Select(Kind, Gen.Int[0, 9], Gen.Int[0, 30], static (kind, replica, other) => new Step(kind, replica, other)).Array[0, 40]);

    /// <summary>States that can occur together.</summary>
    public static readonly Gen<SiblingSet[]> States = Any.Select(static history =>
    {
        var play = new CausalHistory(Math.Max(3, history.Replicas));
        Array.ForEach(history.Steps, play.Play);
        return play.States.ToArray();
    });
}
