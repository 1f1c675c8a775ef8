using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// The age that an answer reports, in milliseconds, rounded up: 0 if it is linearizable, <see cref="Unknown"/> if the age is unknown. It is an upper bound at the moment the answer
/// leaves the node. So the age is counted from a moment before the data are read: a catch-up in between makes the replica newer, not the data that were read. The time that
/// an answer waits afterwards is added: for other keys, other shards, a slow reader or the transfer from another node. Pure.
/// </summary>
internal static class AnswerAge
{
    public const long Unknown = -1;

    public static long Of(Consistency delivered, TimeSpan? age) =>
        delivered == Consistency.Linearizable ? 0 : age is { } known ? Milliseconds(known) : Unknown;

    /// <summary>Adds the time for which the answer waited or was in transit since its age was computed, at most this long.</summary>
    public static void Add(ResponseHeader? header, TimeSpan passed)
    {
        if (header is not null && header.ConsistencyDelivered != Consistency.Linearizable && header.StalenessMs != Unknown)
        {
            header.StalenessMs += Milliseconds(passed);
        }
    }

    /// <summary>The age of several answers sent as one, at most this long after the first of them: the greatest age, and unknown if one of them is unknown.</summary>
    public static long OfAll(IReadOnlyCollection<ResponseHeader> headers, TimeSpan passed) =>
        headers.All(static header => header.ConsistencyDelivered == Consistency.Linearizable) ? 0
        : headers.Any(static header => header.StalenessMs == Unknown) ? Unknown
        : headers.Max(static header => header.StalenessMs) + Milliseconds(passed);

    private static long Milliseconds(TimeSpan age) => (long)Math.Ceiling(age.TotalMilliseconds);
}
