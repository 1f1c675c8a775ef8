using KvRaft.Client.Failures;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// One call in a pipe. It ends once, by the first of these: its answer, the end of the pipe, its timeout, or cancellation. The meaning of a failure
/// depends on whether the call was already passed to the stream.
/// </summary>
internal sealed class PendingCall(PipeCall call, int bytes, long startedAt, TimeSpan timeout)
{
    private const int Queued = 0;
    private const int Sent = 1;
    private const int Withdrawn = 2;

    // Continuations run on the thread pool: the reader loop must continue with the next answer.
    private readonly TaskCompletionSource<AttemptResult<PipeAnswer>> _completion =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int _state;

    public PipeCall Call { get; } = call;

    /// <summary>The maximum size of the call in a message; the writer uses it as an estimate.</summary>
    public int Bytes { get; } = bytes;

    public long StartedAt { get; } = startedAt;

    public TimeSpan Timeout { get; } = timeout;

    public long CorrelationId => Call.CorrelationId;

    public Task<AttemptResult<PipeAnswer>> Completion => _completion.Task;

    /// <summary>The writer takes the call. False: the call was withdrawn while it waited, and must not be sent.</summary>
    public bool TrySend() => Interlocked.CompareExchange(ref _state, Sent, Queued) == Queued;

    public void Answer(PipeAnswer answer) => _completion.TrySetResult(answer);

    /// <summary>Ends the call with a failure that states whether the call was sent.</summary>
    public void Fail(Func<bool, Failure> failure) => _completion.TrySetResult(failure(Withdraw()));

    public void Cancel(CancellationToken cancellationToken)
    {
        Withdraw();
        _completion.TrySetCanceled(cancellationToken);
    }

    /// <returns>True if it was already sent.</returns>
    private bool Withdraw() => Interlocked.CompareExchange(ref _state, Withdrawn, Queued) == Sent;
}
