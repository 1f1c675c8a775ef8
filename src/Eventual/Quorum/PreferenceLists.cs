using System.Collections.Concurrent;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>
/// The preference list of each token range of a ring, for each N. Every key of a token range has the list of the first token of the range, so two nodes
/// share whole token ranges. Immutable, except that each list is computed once at first use; thread-safe.
/// </summary>
internal sealed class PreferenceLists(HashRing ring)
{
    private readonly ConcurrentDictionary<(int TokenRange, int N), PreferenceList> _lists = new();

    public HashRing Ring => ring;

    public PreferenceList ListOf(Token token, int n) => ListOf(LeafPlace.TokenRangeOf(token), n);

    public PreferenceList ListOf(int range, int n) =>
        _lists.GetOrAdd((range, n), static (place, ring) => PreferenceList.Of(ring, LeafPlace.StartOf(place.TokenRange), place.N), ring);
}
