using DotNext.Diagnostics;

namespace KvRaft.Raft;

/// <summary>
/// How improbable a node's silence is, compared with its earlier answers: DotNext's phi accrual detector (Hayashibara, Défago, Yared, Katayama, SRDS
/// 2004) on the clock of this process. If answers come regularly, a short silence is suspicious; if the machine is loaded and some answers are late,
/// only a longer one is. The suspicion may be read at any time.
/// </summary>
public sealed class HeartbeatDetector
{
    /// <summary>
    /// A node is suspected from this value on: judged by its earlier answers, one silence in 10^8 would be as long, which at one ping per second is one in
    /// three years. The usual value (Akka's, Cassandra's).
    /// </summary>
    public const double SuspicionMax = 8;

    private readonly PhiAccrualFailureDetector _detector;
    private readonly TimeProvider _time;
    private readonly long _begun;

    /// <summary>The silence begins now.</summary>
    /// <param name="period">The interval between two answers without faults.</param>
    /// <param name="pause">How much later than usual an answer may be without suspicion.</param>
    /// <param name="time">The clock for the measurement.</param>
    public HeartbeatDetector(TimeSpan period, TimeSpan pause, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        _time = time;
        _begun = time.GetTimestamp();
        _detector = new PhiAccrualFailureDetector(period)
        {
            Threshold = SuspicionMax,
            AcceptableHeartbeatPause = pause,

            // A fifth of the period: if answers never varied at all, a few milliseconds would be suspicious.
            MinStdDeviation = period / 5,

            // Some minutes: older answers are no evidence of the node's present behaviour.
            MaxSampleSize = 200,
        };
        Heard();
    }

    /// <summary>Phi: the negative decimal logarithm of the probability that the node still answers, according to its history.</summary>
    public double Suspicion => _detector.GetValue(Now);

    /// <summary>The node answered. One caller at a time.</summary>
    public void Heard()
    {
        // DotNext's detector accepts no heartbeat from a node that it has declared dead. A node that returns gets a new history: such a long silence is no evidence about the next one.
        if (Suspicion >= SuspicionMax)
        {
            _detector.Reset();
        }

        _detector.ReportHeartbeat(Now);
    }

    // DotNext's own conversion from a clock to a timestamp assumes that every clock has the system's frequency and started recently. At 0 there is no timestamp.
    private Timestamp Now => new(_time.GetElapsedTime(_begun) + TimeSpan.FromSeconds(1));
}
