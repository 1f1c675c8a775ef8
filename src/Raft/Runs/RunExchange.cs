using KvRaft.Topology;

namespace KvRaft.Raft.Runs;

/// <summary>
/// After the header was accepted, both sides of a connection introduce their runs. Each refuses the other's if it has recorded a later run or more of its log
/// (<see cref="RunRules"/>). No message is dispatched to a replica before that.
/// <code>
/// connecting node   32 run
/// accepting node    u8 verdict | 32 run
/// </code>
/// A run is a <see cref="NodeRun"/>, a verdict a <see cref="RunVerdict"/>.
/// </summary>
internal static class RunExchange
{
    private const int AnswerBytes = 1 + NodeRun.Bytes;

    /// <summary>The run of the accepting node.</summary>
    /// <exception cref="RunNotAcceptedException">The other node refuses this node's run, or this node refuses its run.</exception>
    public static async ValueTask<NodeRun> ConnectAsync(Stream stream, RunBook runs, NodeId to, CancellationToken cancellationToken)
    {
        var hello = new byte[NodeRun.Bytes];
        runs.Self.WriteTo(hello);
        await stream.WriteAsync(hello, cancellationToken).ConfigureAwait(false);
        var answer = new byte[AnswerBytes];
        await stream.ReadExactlyAsync(answer, cancellationToken).ConfigureAwait(false);
        if ((RunVerdict)answer[0] is not (RunVerdict.Known or RunVerdict.New) and var refusal)
        {
            throw new RunNotAcceptedException(to, refusal, isOurs: true);
        }

        var run = NodeRun.Read(answer.AsSpan(1)) ?? throw new InvalidDataException($"Node '{to}' introduced itself with a run that no node has.");
        return runs.Meet(to, run, isConfirmed: true) is not (RunVerdict.Known or RunVerdict.New) and var verdict ? throw new RunNotAcceptedException(to, verdict, isOurs: false) : run;
    }

    /// <summary>The run of the connecting node; null: it was refused.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="runs">The records of the other nodes' runs.</param>
    /// <param name="from">The connecting node's name.</param>
    /// <param name="isProven">The node has proved that it has the cluster secret.</param>
    /// <param name="cancellationToken">Ends the exchange.</param>
    /// <exception cref="InvalidDataException">The node sent no valid run.</exception>
    public static async ValueTask<NodeRun?> AcceptAsync(Stream stream, RunBook runs, NodeId from, bool isProven, CancellationToken cancellationToken)
    {
        var hello = new byte[NodeRun.Bytes];
        await stream.ReadExactlyAsync(hello, cancellationToken).ConfigureAwait(false);
        var run = NodeRun.Read(hello) ?? throw new InvalidDataException($"Node '{from}' introduced itself with a run that no node has.");
        var verdict = runs.Meet(from, run, isProven);
        var answer = new byte[AnswerBytes];
        answer[0] = (byte)verdict;
        runs.Self.WriteTo(answer.AsSpan(1));
        await stream.WriteAsync(answer, cancellationToken).ConfigureAwait(false);
        return verdict is RunVerdict.Known or RunVerdict.New ? run : null;
    }
}

/// <summary>One of two nodes does not accept the other's run.</summary>
/// <param name="node">The other node.</param>
/// <param name="verdict">The reason.</param>
/// <param name="isOurs">True if this node's run is refused.</param>
internal sealed class RunNotAcceptedException(NodeId node, RunVerdict verdict, bool isOurs)
    : IOException(isOurs ? $"Node '{node}' refuses the run of this node: {verdict}." : $"The run of node '{node}' is refused: {verdict}.")
{
    /// <summary>Null: the other node's run is refused.</summary>
    public RunVerdict? OfThisNode { get; } = isOurs ? verdict : null;
}
