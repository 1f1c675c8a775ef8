using System.Collections.Concurrent;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>
/// Who keeps what: the preference list of each arc of a ring, for each N. Every key of an arc has that of the arc's first token, so two nodes
/// have whole arcs in common. Immutable but for lists computed once; thread-safe.
/// </summary>
internal sealed class ArcLists(HashRing ring)
{
    private readonly ConcurrentDictionary<(int Arc, int N), PreferenceList> _lists = new();

    public HashRing Ring => ring;

    public PreferenceList ListOf(Token token, int n) => ListOf(LeafPlace.ArcOf(token), n);

    public PreferenceList ListOf(int arc, int n) =>
        _lists.GetOrAdd((arc, n), static (place, ring) => PreferenceList.Of(ring, LeafPlace.StartOf(place.Arc), place.N), ring);
}
