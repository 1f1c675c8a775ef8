namespace KvRaft.Raft.Peers;

/// <summary>Counts the answers to one question that was sent to several nodes: true as soon as enough are yes, false once that is impossible. Thread-safe.</summary>
/// <param name="asked">The number of answers; a node that does not answer counts as no.</param>
/// <param name="needed">The required number of yes.</param>
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
