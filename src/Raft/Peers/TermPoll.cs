namespace KvRaft.Raft.Peers;

/// <summary>Counts the answers to one question that was put to several nodes: true as soon as enough said yes, false once that cannot be any more. Thread-safe.</summary>
/// <param name="asked">How many will answer; each does, if only by being given up.</param>
/// <param name="needed">How many must say yes.</param>
internal sealed class TermPoll(int asked, int needed)
{
    private readonly TaskCompletionSource<bool> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _yes;
    private int _no;

    public Task<bool> Result => _result.Task;

    public void Count(bool yes)
    {
        if (yes ? Interlocked.Increment(ref _yes) == needed : Interlocked.Increment(ref _no) == asked - needed + 1)
        {
            _result.TrySetResult(yes);
        }
    }
}
