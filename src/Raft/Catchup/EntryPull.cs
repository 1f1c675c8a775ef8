using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// Copies committed entries from another replica's log, a few per request: each request is short, even if many entries are missing and the link is slow. A
/// leader's own replication pushes a run of entries with one timeout; if the link is too slow for that, or there is no leader, this pull still succeeds.
/// </summary>
internal sealed class EntryPull(ICatchingUpGroup group, NodeDialer dialer)
{
    /// <summary>
    /// Pulls committed entries up to exactly an index; the caller guarantees that the group has committed that index. If a leader feeds this replica meanwhile, those entries
    /// are not requested again.
    /// </summary>
    /// <exception cref="IOException">The node does not answer, or no longer has the entries.</exception>
    /// <exception cref="HistoryDiffersException">The node has committed an entry before the first missing one that differs from this replica's.</exception>
    /// <exception cref="PeerDataException">The answer does not match the request.</exception>
    public async Task PullAsync(NodeId from, long upTo, CancellationToken cancellationToken)
    {
        using var peer = await PeerClient.ConnectAsync(dialer, from, cancellationToken).ConfigureAwait(false);
        while (group.CommitIndex + 1 is var next && next <= upTo)
        {
            var request = new EntriesRequest(group.Id.Value, next, upTo, group.Log.TryPositionAt(next - 1)?.Term ?? group.Machine.Applied.Term);
            var entries = EntriesFrame.Decode(await peer.FetchAsync(request, cancellationToken).ConfigureAwait(false));
            if (entries.Count == 0 || entries[0].Index != next || entries[^1].Index > upTo)
            {
                throw new PeerDataException($"Node '{from}' sent other entries than the requested {next} to {upTo}.");
            }

            await group.AppendCommittedAsync(entries).ConfigureAwait(false);
        }
    }
}
