using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// What a replica does at each beat of its node. A leader with news goes on telling it (<see cref="NewsCount"/>); one without leaves it to DotNext's own
/// heartbeat, which is slow. A voter follows the nodes of all other voters. One that has known nobody to lead for long looks for a successor.
/// </summary>
internal sealed class GroupPulse(ILedGroup group, RaftCluster cluster, NodeWatch watch, RaftHostOptions options)
{
    /// <summary>Times <see cref="RaftTimings.BeatsOfSilence"/>: five seconds, in which whoever else hears no leader has noticed too.</summary>
    private const int SearchesInARow = 4;

    private readonly NewsCount _news = new();
    private IReadOnlyCollection<RaftClusterMember>? _members;
    private NodeId[] _others = [];
    private int _roundsWanted;
    private long _sent;
    private int _vacantBeats;
    private long _vacatedTerm;

    /// <summary>The leader has something to say again: somebody did not hear it. Any thread.</summary>
    public void Repeat() => _news.Repeat();

    /// <summary>
    /// The leader tells its followers how far it has committed, now and not at the next beat. For group 0, whose followers route by its state, and which changes
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
    /// A follower lacks more than it was sent just now: the next round follows at once if the last one brought anybody on. One that does not take anything is tried at each
    /// beat. Any thread.
    /// </summary>
    public void SendMore()
    {
        var sent = cluster.Members.Where(static member => member.IsRemote).Sum(static member => IMemberInternals.NextIndex(member));
        if (Interlocked.Exchange(ref _sent, sent) != sent)
        {
            TellAtOnce();
        }
    }

    /// <summary>By one at a time.</summary>
    public void Beat()
    {
        FollowOthers();
        if (group.Leaders.IsVacant)
        {
            // One that stood down itself knows what the others would have to wait for.
            var hasStoodDown = group.Leaders.HasStoodDown;
            if (hasStoodDown && group.LeadingTerm != _vacatedTerm)
            {
                _vacatedTerm = group.LeadingTerm;
                _ = group.Background.GuardAsync("leaving leadership", () => group.Leaders.VacateAsync(isGone: false));
            }

            if (IsSearchDue(++_vacantBeats) || hasStoodDown)
            {
                group.Leaders.Search(gone: null);
            }

            return;
        }

        _vacantBeats = 0;
        if (cluster.Leader is { IsRemote: false } && _news.Beat(group.Log.LastIndex, group.CommitIndex, MayBeQuiet()) && Volatile.Read(ref _roundsWanted) == 0)
        {
            TellAtOnce();
        }
    }

    /// <summary>
    /// As soon as a leader would be missed; some times in a row, because others may notice a beat later; then seldom, because a voter that is cut off from its leader alone
    /// learns from the others that they hear it, for as long as that lasts and in each of its groups.
    /// </summary>
    private bool IsSearchDue(int beats)
    {
        var silence = options.Timings.BeatsOfSilence;
        return beats >= silence && (beats < SearchesInARow * silence || beats % silence == 0);
    }

    /// <summary>
    /// Also a follower follows the other followers' nodes: how far their logs are written must be known to whichever node is left when the leader is lost.
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

    /// <summary>Every voter has everything, its node is heard, and it will not miss the leader.</summary>
    private bool MayBeQuiet()
    {
        var last = group.Log.LastIndex;
        return Array.TrueForAll(_others, watch.IsPatient) && cluster.Members.All(member => !member.IsRemote || IMemberInternals.NextIndex(member) > last);
    }

    /// <summary>One round at a time; what comes while one is under way is told by the next.</summary>
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
                // Deposed or closed meanwhile: there is nobody to tell anything.
            }
        }
        while (Interlocked.CompareExchange(ref _roundsWanted, 0, wanted) != wanted);
    }
}
