using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// A replica's view of its leader, and its actions when there is none. DotNext reports the sender of the last round. That this leader's process has ended, that it is silent or
/// that it stepped down is detected here: by the watch over its node, by its own message, and by this replica's own state. Therefore a group's own timeouts can be long
/// (<see cref="RaftTimings.GroupPatience"/>).
/// <para>Thread-safe.</para>
/// </summary>
/// <param name="group">The replica whose leader is watched.</param>
/// <param name="cluster">The same replica in DotNext.</param>
/// <param name="audit">Provides the terms.</param>
/// <param name="nodes">The watch over the other nodes.</param>
/// <param name="peers">Notifies the other voters.</param>
/// <param name="options">Contains this node's name.</param>
/// <param name="logger">Of the Raft host.</param>
/// <param name="changed">Called when the value of <see cref="Leader"/> may have changed.</param>
internal sealed class LeaderWatch(
    ILedGroup group, RaftCluster cluster, GroupAuditTrail audit, NodeWatch nodes, PeerSurvey peers, RaftHostOptions options, ILogger logger, Action changed) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private Task _searching = Task.CompletedTask;
    private volatile Vacancy? _vacated;

    /// <summary>The leader; null if none was received, if the leader's node is silent, or if the leader reported that it stepped down.</summary>
    public NodeId? Leader => Last is { } node && !nodes.IsSilent(node) && !(_vacated is { } last && last.Node == node && audit.Term == last.Term) ? node : null;

    /// <summary>There is no leader in this replica's view: it received none, or only itself, and it does not lead.</summary>
    public bool IsVacant => Leader is null || HasStoodDown;

    /// <summary>This replica led and no longer leads, and it has no other leader. DotNext continues to report a leader that lost its majority.</summary>
    public bool HasStoodDown => cluster.Leader is { IsRemote: false } && cluster.ConsensusToken.IsCancellationRequested;

    private NodeId? Last => ReplicaEndPoint.TryParse(cluster.Leader?.EndPoint, out var node, out _) ? node : null;

    /// <summary>DotNext's view of the leader has just changed, possibly to none.</summary>
    public void OnLeaderChanged()
    {
        if (Last is { } leader && leader != options.NodeId)
        {
            nodes.Follow(leader);
            nodes.Hear(leader);
        }
    }

    /// <summary>The process of another node has ended: if it led this group, the search for a successor starts at once.</summary>
    public void OnNodeGone(NodeId node)
    {
        if (Last == node)
        {
            changed();
            Search(node);
        }
    }

    /// <summary>Another node is silent: if it led this group, and the other voters do not reach it either, a successor is searched for.</summary>
    public void OnNodeSilent(NodeId node)
    {
        if (Last == node)
        {
            changed();
            Search(gone: null);
        }
    }

    public void OnNodeHeard(NodeId node)
    {
        if (Last == node)
        {
            changed();
        }
    }

    /// <summary>
    /// Another replica reports that it led in a term and no longer does. The report counts only for the leader and the term that this replica follows: a report for a
    /// future term would silence that term's leader for the whole term.
    /// </summary>
    /// <param name="node">The node of that replica.</param>
    /// <param name="term">The term in which it led.</param>
    /// <param name="isGone">It will not or cannot lead again.</param>
    public void OnVacated(NodeId node, long term, bool isGone)
    {
        if (Last == node && audit.Term == term)
        {
            _vacated = new Vacancy(node, term);
            changed();
            Search(isGone ? node : null);
        }
    }

    /// <summary>Starts a search for a successor of a leader that has ended or is unreachable, unless a search is running.</summary>
    public void Search(NodeId? gone)
    {
        lock (_gate)
        {
            if (group.IsRunning && group.IsMember && _searching.IsCompleted && !_stopping.IsCancellationRequested)
            {
                var stopping = _stopping.Token;
                _searching = group.Background.GuardAsync("searching a leader", () => SearchAsync(gone, stopping));
            }
        }
    }

    /// <summary>
    /// This replica led and no longer leads: it notifies the others, which would not miss it yet. Takes no longer than one request; a voter that does not receive it
    /// detects the loss by itself. May be called after the replica was closed.
    /// </summary>
    /// <param name="isGone">It will not or cannot lead again.</param>
    public Task VacateAsync(bool isGone)
    {
        var term = audit.LeadingTerm;
        return Task.WhenAll(group.Voters().Where(voter => voter.Node != options.NodeId).Select(voter => TellVacatedAsync(voter.Node, term, isGone, CancellationToken.None)));
    }

    /// <summary>Notifies one other voter that this replica no longer leads in a term in which it led.</summary>
    public Task TellVacatedAsync(NodeId node, long term, bool isGone, CancellationToken cancellationToken) => peers.TryTellAsync(
        node, PeerRequestKind.Vacated, new VacatedRequest(group.Id.Value, options.NodeId.Value, term, isGone), PeerJson.Default.VacatedRequest, cancellationToken);

    /// <summary>Waits until no work is in progress, and starts none any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Task searching;
        lock (_gate)
        {
            searching = _searching;
        }

        await searching.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task SearchAsync(NodeId? gone, CancellationToken cancellationToken)
    {
        try
        {
            await group.Search.RunAsync(gone, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // Closing.
        }
        catch (Exception error)
        {
            // A replica that wins and cannot apply its first entry has failed, and the election ends with its fault. If the fault stayed in the task, it would interrupt the close of
            // the replica. A search that ended for another reason is repeated when the leader is missed again.
            LogMessages.LeaderSearchFailed(logger, group.Id.Value, error);
        }
    }

    /// <summary>That node led in this term and reported that it no longer does.</summary>
    private sealed record Vacancy(NodeId Node, long Term);
}
