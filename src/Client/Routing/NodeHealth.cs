using System.Collections.Concurrent;

namespace KvRaft.Client.Routing;

/// <summary>
/// Records the nodes that recently did not answer. They are tried last, but not never: if all are silent, one of them is tried. Thread-safe.
/// </summary>
internal sealed class NodeHealth(TimeProvider time)
{
    /// <summary>1 s: about the length of an election, after which the shards of a failed node have other leaders.</summary>
    public static readonly TimeSpan SuspicionTime = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, long> _silentSince = new(StringComparer.OrdinalIgnoreCase);

    public void Silent(string endpoint) => _silentSince[endpoint] = time.GetTimestamp();

    public void Answered(string endpoint)
    {
        // Checked first: usually no node is suspected, and a lookup is cheaper than a removal.
        if (!_silentSince.IsEmpty)
        {
            _silentSince.TryRemove(endpoint, out _);
        }
    }

    public bool IsSuspect(string endpoint) =>
        !_silentSince.IsEmpty
        && _silentSince.TryGetValue(endpoint, out var since)
        && time.GetElapsedTime(since) < SuspicionTime;
}
