using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>
/// What the answers of nodes prove about the leaders of their groups. A group is without a leader between two times if each replica answered at or before the first and was asked again
/// at or after the second, no answer in between came from a leader, and either all replicas answered so or a majority that knows no leader. An answer that does not arrive proves
/// neither that there is a leader nor that there is none. Time is in milliseconds.
/// </summary>
internal sealed class LeaderHistory(int replicas)
{
    private readonly Dictionary<int, Group> _groups = [];

    /// <summary>The longest time for which a group is proven to have had no leader.</summary>
    public long LongestMs { get; private set; }

    /// <param name="node">The node that answered.</param>
    /// <param name="asked">When it was asked: its answer holds at this time or later.</param>
    /// <param name="answered">When its answer arrived: its answer holds at this time or before.</param>
    /// <param name="statuses">The answer.</param>
    public void Add(string node, long asked, long answered, IEnumerable<GroupStatus> statuses)
    {
        foreach (var status in statuses)
        {
            if (!_groups.TryGetValue(status.Group, out var group))
            {
                _groups[status.Group] = group = new Group();
            }

            if (status.Role == ReplicaRole.Leader)
            {
                (group.Unled, group.Unaware) = ([], []);
                group.LedAsOf = Math.Max(group.LedAsOf, asked);
                continue;
            }

            if (asked < group.LedAsOf)
            {
                continue; // It was answered about a time before the leader answered.
            }

            Extend(group.Unled, node, asked, answered);
            if (status.Leader.Length == 0)
            {
                Extend(group.Unaware, node, asked, answered);
            }
            else
            {
                group.Unaware.Remove(node);
            }

            LongestMs = Math.Max(LongestMs, Math.Max(Shared(group.Unled, replicas), Shared(group.Unaware, (replicas / 2) + 1)));
        }
    }

    /// <summary>The groups of which no leader answered a question that was asked at a time or later.</summary>
    public IReadOnlyList<int> NotLedSince(long time) => [.. _groups.Where(group => group.Value.LedAsOf < time).Select(static group => group.Key).Order()];

    /// <summary>How many groups were seen.</summary>
    public int Groups => _groups.Count;

    private static void Extend(Dictionary<string, (long From, long Until)> spans, string node, long asked, long answered) =>
        spans[node] = spans.TryGetValue(node, out var span) ? (span.From, Math.Max(span.Until, asked)) : (answered, asked);

    /// <summary>The longest time that the spans of some number of nodes have in common.</summary>
    private static long Shared(Dictionary<string, (long From, long Until)> spans, int count) =>
        // Any such time begins where one of the spans begins.
        spans.Values.Select(start => spans.Values
            .Where(span => span.From <= start.From)
            .Select(static span => span.Until)
            .OrderDescending()
            .ElementAtOrDefault(count - 1) - start.From)
            .Append(0)
            .Max();

    private sealed class Group
    {
        /// <summary>When a leader was asked last that answered; before the first such answer: never.</summary>
        public long LedAsOf { get; set; } = long.MinValue;

        /// <summary>For each node the time in which it did not lead.</summary>
        public Dictionary<string, (long From, long Until)> Unled { get; set; } = [];

        /// <summary>For each node the time in which it neither led nor knew a leader.</summary>
        public Dictionary<string, (long From, long Until)> Unaware { get; set; } = [];
    }
}
