using KvRaft.Raft.Log;
using KvRaft.Raft.Telemetry;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Transport;

/// <summary>
/// Which terms a replica takes from other nodes. A term is a counter of elections: a message whose term is far above every term this replica has seen is forged
/// or damaged, and believing it would be for ever, because a term never falls and is on disk before it is answered. At 2^63 - 1 no election could be held any more.
/// <list type="bullet">
/// <item>Terms above <see cref="TermMax"/> are refused always.</item>
/// <item>A term more than <see cref="JumpMax"/> above what is known is refused, and the replica asks the other voters itself, at their own addresses
/// (<see cref="Catchup.ReplicaRescue"/>). What they answer raises what is known, so a replica that was away for so many elections follows after one question.</item>
/// </list>
/// Thread-safe.
/// </summary>
/// <param name="group">For the log.</param>
/// <param name="own">The replica's own term.</param>
/// <param name="time">Spaces the log lines.</param>
/// <param name="logger">Is told of refused messages.</param>
internal sealed class TermGate(int group, Func<long> own, TimeProvider time, ILogger logger)
{
    /// <inheritdoc cref="Ballot.TermMax"/>
    public const long TermMax = Ballot.TermMax;

    /// <summary>
    /// 2^20: elections that a replica may have missed and still believe a message. At one a second, without a pause, that is twelve days; a replica that was away
    /// for longer asks once.
    /// </summary>
    public const long JumpMax = 1L << 20;

    private readonly LogThrottle _lines = new(LogThrottle.PeriodDefault, time);
    private long _confirmed;
    private long _refused;

    /// <summary>A term was refused that may be right all the same. Must be quick.</summary>
    public event Action? Doubted;

    /// <summary>Messages refused so far.</summary>
    public long RefusedCount => Interlocked.Read(ref _refused);

    /// <summary>A replica that was asked at its own address is in this term.</summary>
    public void Confirm(long term)
    {
        if (term is >= 0 and <= TermMax)
        {
            long confirmed;
            while (term > (confirmed = Volatile.Read(ref _confirmed)) && Interlocked.CompareExchange(ref _confirmed, term, confirmed) != confirmed)
            {
                // Another answer came in between.
            }
        }
    }

    public bool Admits(long term) => IsAdmitted(term, Math.Max(own(), Volatile.Read(ref _confirmed)));

    /// <summary>Pure: the rule.</summary>
    public static bool IsAdmitted(long term, long known) => term is >= 0 and <= TermMax && term - JumpMax <= known;

    /// <summary>A message was refused, for its term or for something else that no replica sends.</summary>
    public void Refuse(string what, long term)
    {
        Interlocked.Increment(ref _refused);
        if (_lines.TryPass(out var suppressed))
        {
            LogMessages.RaftMessageRefused(logger, group, what, term, own(), suppressed);
        }

        if (term is > 0 and <= TermMax)
        {
            Doubted?.Invoke();
        }
    }
}
