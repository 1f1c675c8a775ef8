using KvRaft.Client.Routing;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// One call on its way through a pipe. It ends once: by its answer, the end of the pipe, the end of its time, or cancellation,
/// whichever comes first. Whether it was handed to the stream decides what a failure means.
/// </summary>
internal sealed class PendingCall(PipeCall call, int bytes, long startedAt, TimeSpan timeout)
{
    private const int Queued = 0;
    private const int Sent = 1;
    private const int Withdrawn = 2;

    // Continuations run on the pool: the reader loop must go on to the next answer.
    private readonly TaskCompletionSource<AttemptResult<PipeAnswer>> _completion =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int _state;

    public PipeCall Call { get; } = call;

    /// <summary>How much it takes in a message, at most; the writer counts with it.</summary>
    public int Bytes { get; } = bytes;

    public long StartedAt { get; } = startedAt;

    public TimeSpan Timeout { get; } = timeout;

    public long CorrelationId => Call.CorrelationId;

    public Task<AttemptResult<PipeAnswer>> Completion => _completion.Task;

    /// <summary>The writer takes it. False: it was withdrawn while it waited, and must not be sent.</summary>
    public bool TrySend() => Interlocked.CompareExchange(ref _state, Sent, Queued) == Queued;

    public void Answer(PipeAnswer answer) => _completion.TrySetResult(answer);

    /// <summary>Ends it with a failure that says, truly, whether it was sent.</summary>
    public void Fail(Func<bool, Failure> failure) => _completion.TrySetResult(failure(Withdraw()));

    public void Cancel(CancellationToken cancellationToken)
    {
        Withdraw();
        _completion.TrySetCanceled(cancellationToken);
    }

    /// <returns>True if it was sent already.</returns>
    private bool Withdraw() => Interlocked.CompareExchange(ref _state, Withdrawn, Queued) == Sent;
}
