using KvRaft.Raft.Clocks;

namespace KvRaft.Raft.Proposals;

/// <summary>
/// Runs the clock of one group's state machine at this replica (<see cref="ShardTime"/>), and stamps the entries proposed here. Thread-safe.
/// </summary>
/// <param name="cluster">The cluster time.</param>
/// <param name="applied">The clock of the state machine: the highest stamp applied.</param>
internal sealed class ShardClockRunner(ClusterClock cluster, Func<long> applied)
{
    /// <summary>
    /// A stamp further ahead than this is declared as a step. Half of the undeclared step that the state machine accepts, because entries in progress may come in between.
    /// </summary>
    private const long DeclaredStepMs = Storage.CommittedEntry.UndeclaredStepMsMax / 2;

    private readonly Lock _gate = new();
    private ShardTime _time;
    private long? _begunTerm;

    /// <summary>An entry was applied here just now.</summary>
    public void OnApplied() => Look(leadingTerm: null);

    /// <summary>The present time of the clock, Unix milliseconds.</summary>
    /// <param name="leadingTerm">The term in which this replica leads; null: it does not, and the result is a lower bound.</param>
    public long NowMs(long? leadingTerm) => Look(leadingTerm, isStamp: false);

    /// <summary>The stamp for an entry that is about to be proposed in a term that this replica leads.</summary>
    public ProposalTime Stamp(long term)
    {
        var stamp = Look(term, isStamp: true);
        return new ProposalTime(stamp, IsStep: stamp - applied() > DeclaredStepMs);
    }

    private long Look(long? leadingTerm, bool isStamp = false)
    {
        var target = cluster.SettledAhead;
        lock (_gate)
        {
            var now = cluster.Monotonic;
            _time = _time.Applied(applied(), now);

            // Before the first comparison with other nodes, a read of the clock does not begin a term: the one-time adoption of the cluster time happens at the beginning of a term.
            if (leadingTerm is null || (leadingTerm != _begunTerm && target is null && !isStamp))
            {
                return (long)_time.ShownAt(now);
            }

            _time = leadingTerm == _begunTerm ? _time.Led(target, now) : _time.Begun(target ?? (applied() == 0 ? cluster.NowMs - now : null), now);
            _begunTerm = leadingTerm;
            return (long)(_time.Ahead + now);
        }
    }
}
