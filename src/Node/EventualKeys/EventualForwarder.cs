using Grpc.Core;
using KvRaft.Eventual.Coordinators;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Finds a coordinator for a write this node should not coordinate: one of the key's primaries, the first that answers. A plain write is tried
/// at the next if one is silent, since at worst the same value stands twice; an addition is not, since it could count twice.
/// </summary>
internal sealed class EventualForwarder(
    NodeOptions options, PeerDirectory peers, IReplicaPeers replicas, PeerSuspicion suspicion, CoordinatorOptions patience, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>Is this node to coordinate: does it keep the key, or was it chosen by another that does not?</summary>
    public bool IsCoordinator(PreferenceList list, bool wasForwarded) => wasForwarded || list.Primaries.Contains(options.NodeId);

    /// <summary>No answer if no primary could be reached, and then somebody may stand in.</summary>
    /// <param name="sloppy">May somebody stand in?</param>
    /// <param name="call">Sends it; the number is how often it was sent before by this node, perhaps with effect.</param>
    public async Task<(Answered<T>? Answered, int Attempts)> ForwardAsync<T>(
        PreferenceList list, bool mayRepeat, bool sloppy, Func<Peer, CallOptions, int, AsyncUnaryCall<T>> call, Deadline deadline)
        where T : class
    {
        var attempts = 0;
        foreach (var (node, isThere) in list.Primaries.ToArray().Where(node => node != options.NodeId).Select(node => (node, IsThereAsync(node, insists: !sloppy))).ToArray())
        {
            if (!await isThere || peers.Find(node) is not { } peer)
            {
                continue;
            }

            var answered = await PeerCalls.CallAsync(options => call(peer, options, attempts), isWrite: true, Shortened(deadline), time, tokens.For(deadline));
            if (answered.HasAnswer || !IsSilence(answered.Failure))
            {
                suspicion.Answered(node);
                return (answered, attempts);
            }

            // It was there a moment ago and may be waiting for others: whether it is gone is asked, not concluded. Two nodes that a partition left alone
            // with each other would take each other for gone, and then neither has anybody.
            _ = IsThereAsync(node, insists: true);
            if (!mayRepeat && !answered.Failure.IsNotExecuted)
            {
                return (answered, attempts);
            }

            attempts += answered.Failure.IsNotExecuted ? 0 : 1;
        }

        return (null, attempts);
    }

    /// <summary>
    /// A write is not entrusted to a node that may be gone: what becomes of it there nobody would know. Never throws. A node that is suspected is left to
    /// others to try, who lose nothing by it; but where nobody may stand in it is asked all the same.
    /// </summary>
    private async Task<bool> IsThereAsync(NodeId node, bool insists)
    {
        if (!insists && suspicion.IsSuspected(node))
        {
            return false;
        }

        if (suspicion.HasAnsweredWithin(node, patience.PresenceFresh))
        {
            return true;
        }

        using var limit = new CancellationTokenSource(patience.PresencePatience, time);
        try
        {
            await replicas.HearAsync(node, limit.Token);
            suspicion.Answered(node);
            return true;
        }
        catch (Exception failed) when (failed is PeerException or OperationCanceledException)
        {
            suspicion.Failed(node);
            return false;
        }
    }

    /// <summary>The coordinator itself gives replicas <see cref="CoordinatorOptions.ReplicaTimeout"/> and then one fallback as long; no more is worth waiting for.</summary>
    private Deadline Shortened(Deadline deadline)
    {
        var enough = Deadline.After(patience.ReplicaTimeout * 2.5, time);
        return enough.Timestamp < deadline.Timestamp ? enough : deadline;
    }

    // Nothing that a coordinator itself decides is told with these. One that leaves or cannot read its own copy coordinates nothing, and another may.
    private static bool IsSilence(Failure failure) =>
        failure.Reason is ErrorReasons.QuorumLost or ErrorReasons.Deadline or ErrorReasons.Draining || (failure.Reason == ErrorReasons.CorruptReplica && failure.IsNotExecuted);
}
