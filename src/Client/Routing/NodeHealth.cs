using System.Collections.Concurrent;

namespace KvRaft.Client.Routing;

/// <summary>
/// Which nodes fell silent lately. They are asked last, not never: if all are silent, one is asked all the same. Safe for many threads.
/// </summary>
internal sealed class NodeHealth(TimeProvider time)
{
    /// <summary>1 s: about an election, after which the node's shards have other leaders if it is really gone.</summary>
    public static readonly TimeSpan SuspicionTime = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, long> _silentSince = new(StringComparer.OrdinalIgnoreCase);

    public void Silent(string endpoint) => _silentSince[endpoint] = time.GetTimestamp();

    public void Answered(string endpoint)
    {
        // Read first: the common case is that nobody is suspected, and a lookup is cheaper than a removal.
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
