using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// Copies committed entries from another replica's log, a request for each few: however many are missing and however slow the way, each request is short. A
/// leader's own replication pushes a run of entries, which has one timeout; where the way is too slow for that, or nobody leads, this one arrives.
/// </summary>
internal sealed class EntryPull(ICatchingUpGroup group, NodeDialer dialer)
{
    /// <summary>
    /// Pulls committed entries up to an index, exactly; the caller knows that the group has committed that far. If a leader feeds this replica meanwhile, what it
    /// sent is not asked for again.
    /// </summary>
    /// <exception cref="IOException">The node does not answer, or does not have the entries any more.</exception>
    /// <exception cref="HistoryDiffersException">The node has committed another entry before the first one that is missing here.</exception>
    /// <exception cref="PeerDataException">It sent something else.</exception>
    public async Task PullAsync(NodeId from, long upTo, CancellationToken cancellationToken)
    {
        using var peer = await PeerClient.ConnectAsync(dialer, from, cancellationToken).ConfigureAwait(false);
        while (group.CommitIndex + 1 is var next && next <= upTo)
        {
            var request = new EntriesRequest(group.Id.Value, next, upTo, group.Log.TryPositionAt(next - 1)?.Term ?? group.Machine.Applied.Term);
            var entries = EntriesFrame.Decode(await peer.FetchAsync(request, cancellationToken).ConfigureAwait(false));
            if (entries.Count == 0 || entries[0].Index != next || entries[^1].Index > upTo)
            {
                throw new PeerDataException($"Node '{from}' was asked for entries from {next} to {upTo} and sent others.");
            }

            await group.AppendCommittedAsync(entries).ConfigureAwait(false);
        }
    }
}
