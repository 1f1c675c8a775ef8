using KvRaft.Topology;

namespace KvRaft.Raft.Runs;

/// <summary>
/// After the preface was accepted, both sides of a connection introduce their runs, and each refuses the other's if it knows a later one or more of its log
/// (<see cref="RunRules"/>). Nothing is dispatched to a replica before that.
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
    /// <exception cref="RunNotAcceptedException">It refuses this node's run, or this node refuses its run.</exception>
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
    /// <param name="runs">What is known of the others.</param>
    /// <param name="from">The name that the connecting node gives.</param>
    /// <param name="isProven">It has proved that it has the cluster secret.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidDataException">It sent no run.</exception>
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
/// <param name="verdict">Why.</param>
/// <param name="isOurs">It is this node's run that is refused.</param>
internal sealed class RunNotAcceptedException(NodeId node, RunVerdict verdict, bool isOurs)
    : IOException(isOurs ? $"Node '{node}' refuses the run of this node: {verdict}." : $"The run of node '{node}' is refused: {verdict}.")
{
    /// <summary>Null: it is the other node's run that is refused.</summary>
    public RunVerdict? OfThisNode { get; } = isOurs ? verdict : null;
}
