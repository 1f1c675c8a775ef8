using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>The purpose of a message between replicas.</summary>
internal enum Errand
{
    Write,
    Read,
    HandOff,
    Repair,
}

/// <summary>
/// A possible mistake in the store, at the borders of its parts: in the commands to a coordinator, in the messages and answers of a replica, in what
/// it stores. A simulation that does not find these mistakes finds nothing.
/// </summary>
/// <param name="Name">A sentence.</param>
internal sealed record PlantedBug(string Name)
{
    public static readonly PlantedBug None = new("nothing is wrong");

    public static readonly IReadOnlyList<PlantedBug> All =
    [
        new("a write ignores what its writer had read")
        {
            Writes = static write => write is PutValue put ? put with { Context = VersionVector.Empty } : write,
        },
        new("a write goes over what its writer had not read")
        {
            Writes = static write => write is PutValue put ? put with { Policy = ConflictPolicy.LastWriter } : write,
        },
        new("a hint is handed over as if it were all there is") { Stores = static (errand, there, sent) => errand == Errand.HandOff ? Over(there, sent) : sent },
        new("a read repairs with the older values")
        {
            Stores = static (errand, there, sent) => errand == Errand.Read ? SiblingSet.TryOf(sent.Seen.Merge(there.Seen), there.Siblings) : sent,
        },
        new("an answer leaves out one of several values")
        {
            Fetches = static state => state.Siblings.Length > 1 ? SiblingSet.TryOf(state.Seen, state.Siblings[1..])! : state,
        },
        new("a value is sent without the dots that it replaces")
        {
            Fetches = static state => state.IsTombstone ? state : SiblingSet.TryOf(Known(state), state.Siblings)!,
            Stores = static (_, _, sent) => sent.IsTombstone ? sent : SiblingSet.TryOf(Known(sent), sent.Siblings),
        },
        new("a tombstone is removed before all replicas have it") { EverybodyAgrees = true },
        new("a tombstone goes while messages from before it are under way") { TombstonesAgeNot = true },
        new("an empty disk writes under its old name") { WipeKeepsName = true },
        new("a crashed replica keeps its actor id") { CrashKeepsName = true },
        new("a write is acknowledged before it is on disk") { Syncs = false },
        new("trees are compared with themselves") { TreesAreBlind = true },
        new("a node that leaves is gone before it has handed over") { LeaversJustGo = true },
        new("a newcomer's word counts before it has met the others") { NewcomersCount = true },
        new("the word of nodes that mean another ring counts") { AnyRingCounts = true },
        new("what is handed over is not stored") { Stores = static (errand, _, sent) => errand is Errand.HandOff or Errand.Repair ? null : sent },
    ];

    /// <summary>What a coordinator executes instead of this write.</summary>
    public Func<ReplicaWrite, ReplicaWrite> Writes { get; init; } = static write => write;

    /// <summary>What a replica returns for the state it has.</summary>
    public Func<SiblingSet, SiblingSet> Fetches { get; init; } = static state => state;

    /// <summary>What a replica merges into its state when it receives a state; null: nothing.</summary>
    public Func<Errand, SiblingSet, SiblingSet, SiblingSet?> Stores { get; init; } = static (_, _, sent) => sent;

    public bool EverybodyAgrees { get; init; }

    public bool TombstonesAgeNot { get; init; }

    public bool WipeKeepsName { get; init; }

    public bool CrashKeepsName { get; init; }

    public bool TreesAreBlind { get; init; }

    public bool Syncs { get; init; } = true;

    public bool LeaversJustGo { get; init; }

    public bool NewcomersCount { get; init; }

    public bool AnyRingCounts { get; init; }

    public override string ToString() => Name;

    private static SiblingSet? Over(SiblingSet there, SiblingSet sent) => SiblingSet.TryOf(sent.Seen.Merge(there.Seen), sent.Siblings);

    private static VersionVector Known(SiblingSet state) => state.Siblings.Aggregate(VersionVector.Empty, static (seen, sibling) => seen.With(sibling.Dot));
}
