using System.Threading.Tasks.Sources;

namespace KvRaft.Raft.Log;

/// <summary>One wait for durability; pooled by its group, because a follower waits once for each message that it answers.</summary>
internal sealed class DurableWaiter(Action<DurableWaiter> giveBack) : IValueTaskSource
{
    // The writer thread completes waits and must not run their continuations.
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

    /// <summary>A ticket, or an index when <see cref="IsForIndex"/>.</summary>
    public long Target { get; private set; }

    public bool IsForIndex { get; private set; }

    public ValueTask Start(long target, bool isForIndex)
    {
        Target = target;
        IsForIndex = isForIndex;
        return new ValueTask(this, _core.Version);
    }

    public void Complete() => _core.SetResult(true);

    public void Fail(Exception cause) => _core.SetException(cause);

    public void GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            giveBack(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
