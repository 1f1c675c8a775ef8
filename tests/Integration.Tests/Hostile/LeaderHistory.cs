using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>
/// The intervals without a leader that the answers of nodes prove. A group is without a leader between two times if each replica answered at or before the first and was asked again
/// at or after the second, no answer in between came from a leader, and either all replicas answered so or a majority that knows no leader. An answer that does not arrive proves
/// neither that there is a leader nor that there is none. Time is in milliseconds.
/// </summary>
internal sealed class LeaderHistory(int replicas)
{
    private readonly Dictionary<int, Group> _groups = [];

    /// <summary>The longest time for which a group is proven to have had no leader.</summary>
    public long LongestMs { get; private set; }

    /// <param name="node">The node that answered.</param>
    /// <param name="asked">The time of the question; the answer describes this time or a later one.</param>
    /// <param name="answered">The arrival of the answer; the answer describes this time or an earlier one.</param>
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
                continue; // The answer describes a time before the leader answered.
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

    /// <summary>The groups for which no leader has answered a question that was asked at this time or later.</summary>
    public IReadOnlyList<int> NotLedSince(long time) => [.. _groups.Where(group => group.Value.LedAsOf < time).Select(static group => group.Key).Order()];

    /// <summary>The number of groups in all answers.</summary>
    public int Groups => _groups.Count;

    private static void Extend(Dictionary<string, (long From, long Until)> spans, string node, long asked, long answered) =>
        spans[node] = spans.TryGetValue(node, out var span) ? (span.From, Math.Max(span.Until, asked)) : (answered, asked);

    /// <summary>The longest interval that is part of the spans of this number of nodes.</summary>
    private static long Shared(Dictionary<string, (long From, long Until)> spans, int count) =>
        // Each such interval begins where one of the spans begins.
        spans.Values.Select(start => spans.Values
            .Where(span => span.From <= start.From)
            .Select(static span => span.Until)
            .OrderDescending()
            .ElementAtOrDefault(count - 1) - start.From)
            .Append(0)
            .Max();

    private sealed class Group
    {
        /// <summary>The time of the last question that a leader has answered; before the first such answer: never.</summary>
        public long LedAsOf { get; set; } = long.MinValue;

        /// <summary>For each node, the interval in which it did not lead.</summary>
        public Dictionary<string, (long From, long Until)> Unled { get; set; } = [];

        /// <summary>For each node, the interval in which it neither led nor knew a leader.</summary>
        public Dictionary<string, (long From, long Until)> Unaware { get; set; } = [];
    }
}
