using KvRaft.Raft.Consensus;
using KvRaft.Raft.Digests;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>
/// One replica's part in the comparison of replicas: it computes a digest when the leader requests one, and acts when the leader reports that the replicas differ. The leader's part is
/// <see cref="DigestComparison"/>.
/// <para>Thread-safe.</para>
/// </summary>
/// <param name="group">The group of the replica.</param>
/// <param name="health">The state of the replica: only a running replica is compared.</param>
/// <param name="point">Where the digest is computed.</param>
/// <param name="applier">Pauses while the index is checked.</param>
/// <param name="countMismatch">Called once for each difference that lasts.</param>
/// <param name="condemn">Called with the reason if this replica belongs to the minority: it leaves the group.</param>
internal sealed class ReplicaDigests(
    GroupId group, ReplicaHealth health, DigestPoint point, Applier applier, Action countMismatch, Action<string> condemn)
{
    private volatile string? _note;
    private bool _differs;

    /// <summary>A comparison without a majority was reported, and not withdrawn since; for the status. Null: the replicas are equal.</summary>
    public string? NoteText => _note;

    /// <summary>Requests a digest of the state at an index. False: the index is applied already.</summary>
    public async Task<bool> TryWantAsync(long index, CancellationToken cancellationToken)
    {
        if (!health.IsRunning)
        {
            throw new PeerRequestException($"the replica of group {group} does not run");
        }

        // From here on the applier ends a batch at the index. Whether the state is there already is checked while the applier is paused.
        return await applier.BetweenAppliesAsync(
            machine =>
            {
                var isWanted = point.TryWant(index, machine.Applied.Index);
                point.Reached(machine);
                return isWanted;
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<DigestAnswer> AnswerAsync(long index) => new(await point.TryGetAsync(index).ConfigureAwait(false), IsPassed: false);

    /// <summary>The leader reports that the replicas differ. The minority leaves the group; without a majority the difference is only reported.</summary>
    /// <exception cref="PeerRequestException">The message does not contain how they differ.</exception>
    public void OnDiffers(DigestDiffersRequest request)
    {
        if (!health.IsRunning)
        {
            return;
        }

        if (request.IsWithdrawn)
        {
            Note(null);
            return;
        }

        if (string.IsNullOrEmpty(request.Reason))
        {
            throw new PeerRequestException("a report of different digests must contain a reason");
        }

        if (!Interlocked.Exchange(ref _differs, true))
        {
            // Each comparison finds the same difference again, until the replicas are equal or this one has left the group.
            countMismatch();
        }

        if (request.IsMinority && !group.IsPlacement)
        {
            condemn(request.Reason);
        }
        else
        {
            Note(request.Reason);
        }
    }

    private void Note(string? note)
    {
        _note = note;
        Volatile.Write(ref _differs, note is not null);
    }
}
