using KvRaft.Node.Options;
using KvRaft.Node.Requests;

namespace KvRaft.Node.Answers;

/// <summary>
/// Limits the bytes of values that a node holds for answers: from before they are read until the transport has sent them. A request of a few bytes can
/// return megabytes, so a limit of requests is not enough. An answer that does not fit is refused before it is read or executed.
/// <para>
/// Bytes are taken in three steps, each of which may refuse: for one call or stream (<see cref="AnswerWindow"/>), for one connection
/// (<see cref="AnswerShare"/>), and here. Small answers may exceed the limit by an eighth, so that clients with small values are served while others
/// have filled the node with large ones. Before an answer is refused, <see cref="AnswerSends"/> ends the answers that are not being read.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class AnswerBudget(NodeOptions options, AnswerSends sends)
{
    /// <summary>Answers up to this size may use the reserve.</summary>
    public const long SmallBytesMax = 64 * 1024;

    /// <summary>The reserve for small answers, as a shift of the limit.</summary>
    private const int ReserveShift = 3;

    /// <summary>The delay that a refused caller receives: a few round trips, in which some answers are sent.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(50);

    private long _bytes;
    private long _refused;

    public long BytesMax { get; } = options.Limits.AnswerBytesInHandMax;

    /// <summary>The most that one connection may hold: half, so that one connection alone never excludes the others. It never excludes small answers.</summary>
    public long ConnectionBytesMax => BytesMax / 2;

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Answers refused since the node started.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Null: taken, to be released. Otherwise the refusal; nothing was done.</summary>
    public Failure? TryTake(long bytes)
    {
        if (bytes > BytesMax)
        {
            // It never fits: a caller that waited and repeated it would do so without end.
            Interlocked.Increment(ref _refused);
            return Failure.Limit(new LimitExceeded("answer", "limits.answerBytesInHandMax", BytesMax, bytes));
        }

        if (Fits(bytes) || (sends.EndStalledUnderPressure() && Fits(bytes)))
        {
            return null;
        }

        Interlocked.Increment(ref _refused);
        return Full("the node's answers in hand", Bytes, BytesMax);
    }

    /// <summary>Takes bytes for data that already exist and cannot be refused any more, so that other answers are refused.</summary>
    public void Charge(long bytes) => Interlocked.Add(ref _bytes, bytes);

    public void Give(long bytes) => Interlocked.Add(ref _bytes, -bytes);

    public static Failure Full(string what, long bytes, long bytesMax) =>
        Failure.Full(what, "limits.answerBytesInHandMax", bytes, bytesMax, bytes, Delay);

    private bool Fits(long bytes)
    {
        var bytesMax = bytes <= SmallBytesMax ? BytesMax + (BytesMax >> ReserveShift) : BytesMax;
        if (Interlocked.Add(ref _bytes, bytes) <= bytesMax)
        {
            return true;
        }

        Give(bytes);
        return false;
    }
}

/// <summary>The part of the <see cref="AnswerBudget"/> that one connection holds. Thread-safe.</summary>
internal sealed class AnswerShare(AnswerBudget budget)
{
    private long _bytes;

    /// <inheritdoc cref="AnswerBudget.TryTake"/>
    public Failure? TryTake(long bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) is var now && now > budget.ConnectionBytesMax && now > bytes)
        {
            Interlocked.Add(ref _bytes, -bytes);
            return AnswerBudget.Full("the connection's answers in hand", now - bytes, budget.ConnectionBytesMax);
        }

        if (budget.TryTake(bytes) is { } refusal)
        {
            Interlocked.Add(ref _bytes, -bytes);
            return refusal;
        }

        return null;
    }

    /// <inheritdoc cref="AnswerBudget.Charge"/>
    public void Charge(long bytes)
    {
        Interlocked.Add(ref _bytes, bytes);
        budget.Charge(bytes);
    }

    public void Give(long bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        budget.Give(bytes);
    }
}
