using System.Net.Sockets;
using KvRaft.Raft.Options;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Before a node opens its replicas it introduces its run to every other node in its configuration. A node that has seen a later run, or more of the log, refuses the run, and the
/// others record it. Nodes that do not answer within the connection timeout are skipped: they check the run at the first connection, in
/// either direction.
/// </summary>
internal sealed class RunIntroduction(NodeDialer dialer, RaftTimings timings, TimeProvider time)
{
    /// <summary>The interval between two attempts if the other node considers the previous run alive.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The other node considers an ended run silent after some of its heartbeat intervals, whether or not its connections ended. This is several times as long, because a start on a busy
    /// machine must not fail for it.
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

    /// <summary>Null: accepted, or the node is not available.</summary>
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
