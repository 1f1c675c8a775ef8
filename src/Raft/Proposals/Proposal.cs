using KvRaft.Storage;

namespace KvRaft.Raft.Proposals;

/// <summary>One caller's command and the task of its result. Thread-safe; the first result wins.</summary>
/// <param name="command">The command.</param>
/// <param name="weight">Bytes that it counts for in an entry.</param>
internal sealed class Proposal(ReadOnlyMemory<byte> command, int weight)
{
    private const int Waiting = 0;
    private const int Proposed = 1;
    private const int GivenUp = 2;

    private readonly TaskCompletionSource<ProposalResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state;

    public ReadOnlyMemory<byte> Command { get; } = command;

    /// <summary>Bytes that it counts for in an entry; at least its own size.</summary>
    public int Weight { get; } = weight;

    public Task<ProposalResult> Task => _answer.Task;

    /// <summary>From now on the outcome may be unknown. False if the caller has given up: then it must not be proposed.</summary>
    public bool TryPropose() => Interlocked.CompareExchange(ref _state, Proposed, Waiting) == Waiting;

    /// <summary>The caller's time is over.</summary>
    public void GiveUp()
    {
        var status = Interlocked.CompareExchange(ref _state, GivenUp, Waiting) == Waiting
            ? ProposalStatus.Expired
            : ProposalStatus.Unknown;
        Complete(new ProposalResult(status, null, LogPosition.None, null));
    }

    public void Complete(ProposalResult result) => _answer.TrySetResult(result);
}
