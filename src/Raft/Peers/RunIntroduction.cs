using System.Net.Sockets;
using KvRaft.Raft.Options;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Before a node opens its replicas it introduces its run to every node it knows: one that has seen a later run, or more of the log, refuses it there, and the
/// others remember it. Nodes that do not answer within the time of a connection are passed over: they judge the run by themselves at the first connection, in
/// either direction.
/// </summary>
internal sealed class RunIntroduction(NodeDialer dialer, RaftTimings timings, TimeProvider time)
{
    /// <summary>Between two tries at a node that takes the run before this one for alive.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// A run that has ended is silent after some beats of the other node, whatever became of its connections; several times that long, because a start beside a busy
    /// machine's other work must not fail for it.
    /// </summary>
    private TimeSpan Patience => 5 * timings.ElectionMax;

    /// <exception cref="RunRefusedException">A node refuses this run.</exception>
    public async Task IntroduceAsync(IEnumerable<NodeId> nodes, CancellationToken cancellationToken) =>
        await Task.WhenAll(nodes.Concat(dialer.Runs.Nodes).Distinct().Select(node => IntroduceAsync(node, cancellationToken))).ConfigureAwait(false);

    private async Task IntroduceAsync(NodeId node, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (await TryAsync(node, cancellationToken).ConfigureAwait(false) is { } refusal)
        {
            if (refusal != RunVerdict.StillRunning || time.GetElapsedTime(begun) > Patience)
            {
                throw new RunRefusedException(dialer.Self, node, refusal);
            }

            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Null: accepted, or not to be had.</summary>
    private async Task<RunVerdict?> TryAsync(NodeId node, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timings.ConnectTimeout);
        try
        {
            (await dialer.ConnectAsync(node, ConnectionKind.Peer, "", limit.Token).ConfigureAwait(false)).Dispose();
            return null;
        }
        catch (RunNotAcceptedException error)
        {
            return error.OfThisNode;
        }
        catch (Exception error) when (error is IOException or SocketException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }
}
