#if PLANTED_BUGS
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Reads;
using KvRaft.Storage;

// The planted bugs of this component. A build with planted bugs compiles this file: it replaces the rules of the same name, and gives the partial methods Plant a body.
namespace KvRaft.Raft.Log
{
    internal static class SyncRules
    {
        private static long _batches;

        public static void SyncBatch(IFile file)
        {
            var batch = Interlocked.Increment(ref _batches) - 1;
            if (!PlantedBug.Is("no-fsync") && !(PlantedBug.Is("ack-before-fsync") && batch % 50 != 0))
            {
                file.FlushData();
            }
        }

        public static bool IsSynced(int result) => result == 0 || PlantedBug.Is("fsync-error-ignored");
    }
}

namespace KvRaft.Raft.Consensus
{
    internal static class ReplicationRules
    {
        private static readonly bool CommitsMedian = PlantedBug.Is("commits-median");

        public static bool IsSame(long term, long otherTerm) => term == otherTerm || PlantedBug.Is("conflict-kept");

        public static bool MayAppend(long term, long leadingTerm, long ballotTerm, long lastTerm) =>
            (term == leadingTerm || PlantedBug.Is("deposed-appends")) && term == ballotTerm && term >= lastTerm;

        public static bool MayContinue(long lastTerm, long? precedingTerm, TimeSpan elapsed, TimeSpan limit) =>
            lastTerm == precedingTerm && elapsed < limit && !CommitsMedian;

        public static bool IsPart(long last, long end) => last < end && !CommitsMedian;
    }

    internal sealed partial class GroupAuditTrail
    {
        partial void Plant()
        {
            if (PlantedBug.Is("commit-without-quorum"))
            {
                _log.DurableAdvanced += CommitAlone;
            }
        }

        /// <summary>Commits what this leader's own disk holds, up to its last command.</summary>
        private void CommitAlone(long durableIndex)
        {
            if (_configurations.IsDetached)
            {
                return;
            }

            lock (_gate)
            {
                for (var index = Math.Min(durableIndex, _log.LastIndex); index > Math.Max(CommitIndex, _log.Start.Index) && _log.TermAt(index) == LeadingTerm; index--)
                {
                    if (_log.Read(index, index)[0].Kind == LogEntryKind.Command)
                    {
                        _indexes.OnQuorum(index);
                        break;
                    }
                }
            }

            AdvanceCommit();
        }
    }
}

namespace KvRaft.Raft.Reads
{
    internal sealed partial class ReadBarrier
    {
        private long _leaseUntil;

        partial void Plant(ref Func<bool, Task<ReadBarrierStatus>> round)
        {
            var proven = round;
            if (PlantedBug.Is("lease-too-long"))
            {
                round = byHeartbeat => RoundUnderLeaseAsync(proven, byHeartbeat);
            }

            if (PlantedBug.Is("read-without-quorum"))
            {
                round = _ => RoundWithoutQuorumAsync();
            }
        }

        private async Task<ReadBarrierStatus> RoundUnderLeaseAsync(Func<bool, Task<ReadBarrierStatus>> proven, bool byHeartbeat)
        {
            if (Environment.TickCount64 < Volatile.Read(ref _leaseUntil))
            {
                return ReadBarrierStatus.Passed;
            }

            var status = await proven(byHeartbeat).ConfigureAwait(false);
            if (status == ReadBarrierStatus.Passed)
            {
                Volatile.Write(ref _leaseUntil, Environment.TickCount64 + 10_000);
            }

            return status;
        }

        private async Task<ReadBarrierStatus> RoundWithoutQuorumAsync()
        {
            if (_cluster.LeadershipToken.IsCancellationRequested || ReadPoint.Of(_log, _termAt) is not { } point)
            {
                return ReadBarrierStatus.NotLeader;
            }

            await _progress.WaitAsync(point.Index, CancellationToken.None).ConfigureAwait(false);
            return ReadBarrierStatus.Passed;
        }
    }
}
#endif
