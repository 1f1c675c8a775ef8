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
/// What a replica knows of its leader, and what it does when there is none. DotNext tells whose rounds it heard last; that this one is gone, silent or
/// has stood down is learned here: from the watch over its node, from its own word, and from this replica's own state. A group's own timeouts are long
/// (<see cref="RaftTimings.GroupPatience"/>) because of it.
/// <para>Thread-safe.</para>
/// </summary>
/// <param name="group">Whose leader it is.</param>
/// <param name="cluster">The same, as DotNext sees it.</param>
/// <param name="audit">Knows terms.</param>
/// <param name="nodes">The watch over the other nodes.</param>
/// <param name="peers">Tells the other voters.</param>
/// <param name="options">Has this node's name.</param>
/// <param name="logger">Of the Raft host.</param>
/// <param name="changed">Called when the answer of <see cref="Leader"/> may be another.</param>
internal sealed class LeaderWatch(
    ILedGroup group, RaftCluster cluster, GroupAuditTrail audit, NodeWatch nodes, PeerSurvey peers, RaftHostOptions options, ILogger logger, Action changed) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private Task _searching = Task.CompletedTask;
    private volatile Vacancy? _vacated;

    /// <summary>Who leads; null when it has heard of nobody, that node gives no sign of life, or it said that it leads no more.</summary>
    public NodeId? Leader => Last is { } node && !nodes.IsSilent(node) && !(_vacated is { } last && last.Node == node && audit.Term == last.Term) ? node : null;

    /// <summary>Nobody leads, as far as this replica knows: it has heard of nobody, or only of itself, and it does not.</summary>
    public bool IsVacant => Leader is null || HasStoodDown;

    /// <summary>This replica led and does no more, and nobody else does, as far as it knows. DotNext goes on naming a leader that lost its majority.</summary>
    public bool HasStoodDown => cluster.Leader is { IsRemote: false } && cluster.ConsensusToken.IsCancellationRequested;

    private NodeId? Last => ReplicaEndPoint.TryParse(cluster.Leader?.EndPoint, out var node, out _) ? node : null;

    /// <summary>DotNext heard of a leader just now, or of none.</summary>
    public void OnLeaderChanged()
    {
        if (Last is { } leader && leader != options.NodeId)
        {
            nodes.Follow(leader);
            nodes.Hear(leader);
        }
    }

    /// <summary>The process of another node is gone: if it led this group, a successor is found without waiting for anything.</summary>
    public void OnNodeGone(NodeId node)
    {
        if (Last == node)
        {
            changed();
            Search(node);
        }
    }

    /// <summary>Another node gives no sign of life: if it led this group, and the others hear it no more than this one, a successor is found.</summary>
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
    /// Another replica says that it led in a term, and does so no longer. That counts only for the leader and the term that this replica follows: a word about a
    /// term to come would silence its leader as long as the term lasts.
    /// </summary>
    /// <param name="node">Where it is.</param>
    /// <param name="term">In which it led.</param>
    /// <param name="isGone">It does not want to again, or cannot.</param>
    public void OnVacated(NodeId node, long term, bool isGone)
    {
        if (Last == node && audit.Term == term)
        {
            _vacated = new Vacancy(node, term);
            changed();
            Search(isGone ? node : null);
        }
    }

    /// <summary>Looks for a leader in the place of one that is gone, or of one that nobody hears; unless that is being done.</summary>
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
    /// This replica led and does no more: the others are told, who would not miss it yet. Takes no longer than a request does; whoever does not hear it finds
    /// out by himself. May be called after the replica was closed.
    /// </summary>
    /// <param name="isGone">It does not want to again, or cannot.</param>
    public Task VacateAsync(bool isGone)
    {
        var term = audit.LeadingTerm;
        return Task.WhenAll(group.Voters().Where(voter => voter.Node != options.NodeId).Select(voter => TellVacatedAsync(voter.Node, term, isGone, CancellationToken.None)));
    }

    /// <summary>Tells one other voter that this replica does not lead any more as it did in a term.</summary>
    public Task TellVacatedAsync(NodeId node, long term, bool isGone, CancellationToken cancellationToken) => peers.TryTellAsync(
        node, PeerRequestKind.Vacated, new VacatedRequest(group.Id.Value, options.NodeId.Value, term, isGone), PeerJson.Default.VacatedRequest, cancellationToken);

    /// <summary>Waits until nothing is under way, and begins nothing any more.</summary>
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
            // A replica that wins and cannot apply its first entry has failed, and the election ends with its fault. Left in the task, the fault would end the closing of
            // the replica half-way. A search that ended for another reason is repeated when the leader is missed again.
            LogMessages.LeaderSearchFailed(logger, group.Id.Value, error);
        }
    }

    /// <summary>That node led in this term, and said that it does so no longer.</summary>
    private sealed record Vacancy(NodeId Node, long Term);
}
