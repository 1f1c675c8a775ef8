using KvRaft.Raft.Log;
using KvRaft.Raft.Telemetry;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Transport;

/// <summary>
/// Decides which terms a replica accepts from other nodes. A term counts elections: a message whose term is far above every term this replica has seen is forged
/// or damaged. To accept it would be permanent, because a term never falls and is on disk before it is answered. At 2^63 - 1 no further election is possible.
/// <list type="bullet">
/// <item>Terms above <see cref="TermMax"/> are always refused.</item>
/// <item>A term more than <see cref="JumpMax"/> above the highest term seen is refused, and the replica queries the other voters itself, at their own addresses
/// (<see cref="Catchup.ReplicaRescue"/>). Their answers raise the highest term seen, so a replica that was away for so many elections follows after one query.</item>
/// </list>
/// Thread-safe.
/// </summary>
/// <param name="group">For the log.</param>
/// <param name="own">The replica's own term.</param>
/// <param name="time">The clock for the log throttle.</param>
/// <param name="logger">Receives refused messages.</param>
internal sealed class TermGate(int group, Func<long> own, TimeProvider time, ILogger logger)
{
    /// <inheritdoc cref="Ballot.TermMax"/>
    public const long TermMax = Ballot.TermMax;

    /// <summary>
    /// 2^20: the number of elections that a replica may have missed and still accept a message. At one per second, without a pause, that is twelve days; a replica that was away
    /// for longer sends one query.
    /// </summary>
    public const long JumpMax = 1L << 20;

    private readonly LogThrottle _lines = new(LogThrottle.PeriodDefault, time);
    private long _confirmed;
    private long _refused;

    /// <summary>A refused term may be correct nevertheless. Must be quick.</summary>
    public event Action? Doubted;

    /// <summary>Messages refused so far.</summary>
    public long RefusedCount => Interlocked.Read(ref _refused);

    /// <summary>A replica that was queried at its own address is in this term.</summary>
    public void Confirm(long term)
    {
        if (term is >= 0 and <= TermMax)
        {
            long confirmed;
            while (term > (confirmed = Volatile.Read(ref _confirmed)) && Interlocked.CompareExchange(ref _confirmed, term, confirmed) != confirmed)
            {
                // Another answer arrived in between.
            }
        }
    }

    public bool Admits(long term) => IsAdmitted(term, Math.Max(own(), Volatile.Read(ref _confirmed)));

    /// <summary>The rule. Pure.</summary>
    public static bool IsAdmitted(long term, long known) => term is >= 0 and <= TermMax && term - JumpMax <= known;

    /// <summary>A message was refused, for its term or for other content that no replica sends.</summary>
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
