using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// The age an answer tells, in milliseconds, rounded up: 0 if it is linearizable, <see cref="Unknown"/> if it is not known. It is an upper bound at the moment the answer leaves the
/// node. So the moment from which it is counted is taken before the data are read (a catch-up in between makes the replica younger, not the data that were read), and
/// whatever an answer waits for afterwards is added: other keys, other shards, a slow reader, the way from another node. Pure.
/// </summary>
internal static class AnswerAge
{
    public const long Unknown = -1;

    public static long Of(Consistency delivered, TimeSpan? age) =>
        delivered == Consistency.Linearizable ? 0 : age is { } known ? Milliseconds(known) : Unknown;

    /// <summary>The answer has waited, or was on its way, for up to this long since its age was told.</summary>
    public static void Add(ResponseHeader? header, TimeSpan passed)
    {
        if (header is not null && header.ConsistencyDelivered != Consistency.Linearizable && header.StalenessMs != Unknown)
        {
            header.StalenessMs += Milliseconds(passed);
        }
    }

    /// <summary>Of several answers told as one, up to this long after the first of them: the greatest age, and unknown if one is.</summary>
    public static long OfAll(IReadOnlyCollection<ResponseHeader> headers, TimeSpan passed) =>
        headers.All(static header => header.ConsistencyDelivered == Consistency.Linearizable) ? 0
        : headers.Any(static header => header.StalenessMs == Unknown) ? Unknown
        : headers.Max(static header => header.StalenessMs) + Milliseconds(passed);

    private static long Milliseconds(TimeSpan age) => (long)Math.Ceiling(age.TotalMilliseconds);
}
