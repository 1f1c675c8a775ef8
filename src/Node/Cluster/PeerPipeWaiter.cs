using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>
/// One operation on its way through a <see cref="PeerPipe"/>. It is queued, then either written or abandoned, and exactly one of
/// the two happens: so an operation that was abandoned in the queue is never written, and one that was written is never reported as
/// "not executed".
/// </summary>
internal sealed class PeerPipeWaiter(PipeCall call, bool isWrite)
{
    private const int Queued = 0;
    private const int Written = 1;
    private const int GivenUp = 2;

    private readonly TaskCompletionSource<Answered<PipeAnswer>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state = Queued;

    public PipeCall Call => call;

    public Task<Answered<PipeAnswer>> Answer => _answer.Task;

    /// <summary>The writer takes it. False: it was abandoned.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Written, Queued) == Queued;

    public void Complete(PipeAnswer answer) => _answer.TrySetResult(answer);

    /// <summary>The deadline of the caller passed.</summary>
    public void GiveUp() => _answer.TrySetResult(Failure.Deadline(Stop()));

    /// <summary>The stream failed.</summary>
    /// <param name="describe">The failure to return, given what is certain about the execution.</param>
    public void Break(Func<Execution, Failure> describe) => _answer.TrySetResult(describe(Stop()));

    private Execution Stop()
    {
        var before = Interlocked.CompareExchange(ref _state, GivenUp, Queued);
        return before == Written && isWrite ? Execution.Unknown : Execution.NotExecuted;
    }
}
