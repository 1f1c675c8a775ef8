using Grpc.Core;
using KvRaft.Eventual.Coordinators;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Finds a coordinator for a write that this node should not coordinate: one of the key's primaries, the first that answers. If it does not answer, a plain write
/// is sent to the next, since at worst the same value is stored twice; an addition is not, since it could count twice. A primary with a full disk executed nothing, so any write
/// is sent to the next.
/// </summary>
internal sealed class EventualForwarder(
    NodeOptions options, PeerDirectory peers, IReplicaPeers replicas, PeerSuspicion suspicion, CoordinatorOptions patience, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>Whether this node coordinates: it is a replica holder of the key, or another node that is none has chosen it.</summary>
    public bool IsCoordinator(PreferenceList list, bool wasForwarded) => wasForwarded || list.Primaries.Contains(options.NodeId);

    /// <summary>No answer if no primary could be reached, or the disks of the reachable ones are full; in that case a fallback may coordinate.</summary>
    /// <param name="sloppy">Whether a fallback may coordinate.</param>
    /// <param name="call">Sends it; the number is how often this node has sent it before, perhaps with effect.</param>
    public async Task<(Answered<T>? Answered, int Attempts)> ForwardAsync<T>(
        PreferenceList list, bool mayRepeat, bool sloppy, Func<Peer, CallOptions, int, AsyncUnaryCall<T>> call, Deadline deadline)
        where T : class
    {
        var attempts = 0;
        Answered<T>? full = null;
        foreach (var (node, isThere) in list.Primaries.ToArray().Where(node => node != options.NodeId).Select(node => (node, IsThereAsync(node, insists: !sloppy))).ToArray())
        {
            if (!await isThere || peers.Find(node) is not { } peer)
            {
                continue;
            }

            var answered = await PeerCalls.CallAsync(options => call(peer, options, attempts), isWrite: true, Shortened(deadline), time, tokens.For(deadline));
            if (!answered.HasAnswer && answered.Failure is { Reason: ErrorReasons.DiskFull, IsNotExecuted: true })
            {
                suspicion.Answered(node);
                full = answered;
                continue;
            }

            if (answered.HasAnswer || !IsSilence(answered.Failure))
            {
                suspicion.Answered(node);
                return (answered, attempts);
            }

            // It was reachable a moment ago and may be waiting for others: this node probes it before it counts as unreachable. Otherwise two nodes in a partition of their own
            // would each take the other for unreachable, and neither would have a coordinator.
            _ = IsThereAsync(node, insists: true);
            if (!mayRepeat && !answered.Failure.IsNotExecuted)
            {
                return (answered, attempts);
            }

            attempts += answered.Failure.IsNotExecuted ? 0 : 1;
        }

        return (sloppy || attempts > 0 ? null : full, attempts);
    }

    /// <summary>
    /// A coordinator is probed before a write is forwarded to it: the outcome of a write on an unreachable node would be unknown. Never throws. A suspected node is skipped,
    /// because other primaries can coordinate; but if no fallback is allowed, it is probed all the same.
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

    /// <summary>The coordinator waits <see cref="CoordinatorOptions.ReplicaTimeout"/> for replicas and then as long for one fallback; a longer wait has no use.</summary>
    private Deadline Shortened(Deadline deadline)
    {
        var enough = Deadline.After(patience.ReplicaTimeout * 2.5, time);
        return enough.Timestamp < deadline.Timestamp ? enough : deadline;
    }

    // A coordinator never uses these codes for its own decisions. A node that leaves or cannot read its own copy coordinates nothing, and another may.
    private static bool IsSilence(Failure failure) =>
        failure.Reason is ErrorReasons.QuorumLost or ErrorReasons.Deadline or ErrorReasons.Draining || (failure.Reason == ErrorReasons.CorruptReplica && failure.IsNotExecuted);
}
