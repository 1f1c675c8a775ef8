using DotNext.IO.Log;
using KvRaft.Raft.Log;

namespace KvRaft.Raft.Consensus;

// What the quorum acknowledged, the commit, and waiting for its apply.
internal sealed partial class GroupAuditTrail
{
    ValueTask<long> IAuditTrail.CommitAsync(long endIndex, CancellationToken token)
    {
        lock (_gate)
        {
            _indexes.OnQuorum(Math.Min(endIndex, _log.LastIndex));
        }

        return new(AdvanceCommit());
    }

    ValueTask IAuditTrail.WaitForApplyAsync(long index, CancellationToken token) => _progress.WaitAsync(index, token);

    ValueTask IAuditTrail.WaitForApplyAsync(CancellationToken token) => _progress.WaitForNextAsync(token);

    private void OnDurable(long durableIndex) => AdvanceCommit();

    private long AdvanceCommit()
    {
        long advanced;
        lock (_gate)
        {
            var next = _indexes.Next(_log.DurableIndex);
            advanced = next - CommitIndex;
            if (advanced <= 0)
            {
                return 0;
            }

            CommitWitness?.Invoke(next);
            // In this order: no index is visible as committed before ApplicableIndex stops at an unsaved configuration below it.
            _configurations.Save(next);
            _indexes.Commit(next);
        }

        Committed?.Invoke();
        return advanced;
    }
}
