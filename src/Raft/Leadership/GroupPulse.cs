using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// The periodic work of a replica at each heartbeat interval of its node. A leader with news sends rounds (<see cref="QuiescenceCounter"/>); a leader without news relies on DotNext's own
/// heartbeat, which is slow. A voter watches the nodes of all other voters. A voter that has had no leader for long starts the search for a successor.
/// </summary>
internal sealed class GroupPulse(ILedGroup group, RaftCluster cluster, NodeWatch watch, RaftHostOptions options)
{
    /// <summary>Multiplied by <see cref="RaftTimings.HeartbeatsOfSilence"/>: five seconds, in which every other voter without a leader has detected it, too.</summary>
    private const int SearchesInARow = 4;

    private readonly QuiescenceCounter _news = new();
    private IReadOnlyCollection<RaftClusterMember>? _members;
    private NodeId[] _others = [];
    private int _roundsWanted;
    private long _sent;
    private int _vacantHeartbeats;
    private long _vacatedTerm;

    /// <summary>The leader has news again: a replica did not receive its messages. Any thread.</summary>
    public void Repeat() => _news.Repeat();

    /// <summary>
    /// The leader sends its commit index to its followers now, not at the next heartbeat interval. For group 0, whose followers route by its state, and which changes
    /// seldom. Any thread.
    /// </summary>
    public void TellAtOnce()
    {
        if (cluster.Leader is { IsRemote: false } && Interlocked.Increment(ref _roundsWanted) == 1)
        {
            _ = group.Background.GuardAsync("rounds", RoundsAsync);
        }
    }

    /// <summary>
    /// A follower lacks more than was sent to it just now: the next round follows at once if the last one advanced a follower. A follower that takes nothing is tried at each
    /// heartbeat interval. Any thread.
    /// </summary>
    public void SendMore()
    {
        var sent = cluster.Members.Where(static member => member.IsRemote).Sum(static member => IMemberInternals.NextIndex(member));
        if (Interlocked.Exchange(ref _sent, sent) != sent)
        {
            TellAtOnce();
        }
    }

    /// <summary>Called by one caller at a time.</summary>
    public void OnHeartbeat()
    {
        FollowOthers();
        if (group.Leaders.IsVacant)
        {
            // A replica that stepped down itself does not need to wait as the others do.
            var hasStoodDown = group.Leaders.HasStoodDown;
            if (hasStoodDown && group.LeadingTerm != _vacatedTerm)
            {
                _vacatedTerm = group.LeadingTerm;
                _ = group.Background.GuardAsync("leaving leadership", () => group.Leaders.VacateAsync(isGone: false));
            }

            if (IsSearchDue(++_vacantHeartbeats) || hasStoodDown)
            {
                group.Leaders.Search(gone: null);
            }

            return;
        }

        _vacantHeartbeats = 0;
        if (cluster.Leader is { IsRemote: false } && _news.OnHeartbeat(group.Log.LastIndex, group.CommitIndex, MayBeQuiet()) && Volatile.Read(ref _roundsWanted) == 0)
        {
            TellAtOnce();
        }
    }

    /// <summary>
    /// The search starts as soon as a leader would be missed; then a few times in a row, because others may detect the loss one heartbeat interval later; then seldom. A voter that alone is cut off from
    /// its leader learns from the others that they have one, for as long as that lasts and in each of its groups.
    /// </summary>
    private bool IsSearchDue(int heartbeats)
    {
        var silence = options.Timings.HeartbeatsOfSilence;
        return heartbeats >= silence && (heartbeats < SearchesInARow * silence || heartbeats % silence == 0);
    }

    /// <summary>
    /// A follower watches the nodes of the other followers, too: the node that remains when the leader is lost must have the log positions of the others.
    /// </summary>
    private void FollowOthers()
    {
        // DotNext makes a new collection for each change.
        var members = cluster.Members;
        if (!ReferenceEquals(members, _members))
        {
            _members = members;
            _others = [.. group.Voters().Select(static voter => voter.Node).Where(node => node != options.NodeId)];
            Array.ForEach(_others, watch.Follow);
        }
    }

    /// <summary>Every voter has all entries, its node answers, and it will not miss the leader.</summary>
    private bool MayBeQuiet()
    {
        var last = group.Log.LastIndex;
        return Array.TrueForAll(_others, watch.IsPatient) && cluster.Members.All(member => !member.IsRemote || IMemberInternals.NextIndex(member) > last);
    }

    /// <summary>One round at a time; news that arrives during a round is sent by the next one.</summary>
    private async Task RoundsAsync()
    {
        int wanted;
        do
        {
            wanted = Volatile.Read(ref _roundsWanted);
            try
            {
                await cluster.ForceReplicationAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception error) when (error is NotLeaderException or OperationCanceledException or ObjectDisposedException)
            {
                // The replica was deposed or closed meanwhile: there is nothing to send.
            }
        }
        while (Interlocked.CompareExchange(ref _roundsWanted, 0, wanted) != wanted);
    }
}
