using DotNext.Diagnostics;

namespace KvRaft.Raft;

/// <summary>
/// How strange a node's silence is by now, judged by how it answered before: DotNext's phi accrual detector (Hayashibara, Défago, Yared, Katayama, SRDS
/// 2004) on the clock of this process. Where answers come steadily, a short silence is strange; where the machine is loaded and they come late now and
/// then, a longer one is needed. Suspicion may be asked for at any time.
/// </summary>
public sealed class HeartbeatDetector
{
    /// <summary>
    /// A node is suspected from here on: by the answers that came before, one silence in 10^8 would be as long, which at one question a second is one in
    /// three years. The usual value (Akka's, Cassandra's).
    /// </summary>
    public const double SuspicionMax = 8;

    private readonly PhiAccrualFailureDetector _detector;
    private readonly TimeProvider _time;
    private readonly long _begun;

    /// <summary>The silence begins now.</summary>
    /// <param name="period">Between two answers, as long as all is well.</param>
    /// <param name="pause">How much longer than usual an answer may take before that is strange at all.</param>
    /// <param name="time">Measures it.</param>
    public HeartbeatDetector(TimeSpan period, TimeSpan pause, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        _time = time;
        _begun = time.GetTimestamp();
        _detector = new PhiAccrualFailureDetector(period)
        {
            Threshold = SuspicionMax,
            AcceptableHeartbeatPause = pause,

            // A fifth of the period: answers that never vary at all would make a few milliseconds suspicious.
            MinStdDeviation = period / 5,

            // Some minutes: what a node was like an hour ago says nothing about now.
            MaxSampleSize = 200,
        };
        Heard();
    }

    /// <summary>Phi: the negative decimal logarithm of the chance that the node answers yet, as far as its past says.</summary>
    public double Suspicion => _detector.GetValue(Now);

    /// <summary>It answered. Called by one at a time.</summary>
    public void Heard()
    {
        // DotNext's detector takes no heartbeat of one that it has given up. Who comes back begins anew: so long a silence says nothing about the next.
        if (Suspicion >= SuspicionMax)
        {
            _detector.Reset();
        }

        _detector.ReportHeartbeat(Now);
    }

    // DotNext's own way from a clock to a timestamp takes every clock for one that ticks as the system's does and began not long ago. At 0 there is none.
    private Timestamp Now => new(_time.GetElapsedTime(_begun) + TimeSpan.FromSeconds(1));
}
