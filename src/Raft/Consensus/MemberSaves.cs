using DotNext.Net.Cluster.Consensus.Raft.Membership;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Consensus;

/// <summary>Saves of a replica's member list.</summary>
internal static class MemberSaves
{
    /// <summary>How long the write of a small file waits for space on a full disk before the next attempt.</summary>
    private static readonly TimeSpan RoomRetryPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Saves a configuration. A full disk, or a lack of descriptors or access, does not stop a replica: the save is repeated. The storage keeps a list that is newer.</summary>
    /// <param name="members">Where to.</param>
    /// <param name="configuration">The configuration; its index is the version of the list.</param>
    /// <param name="mayWait">Asked after each refusal; if false, the refusal is thrown.</param>
    /// <param name="cancellationToken">Ends the save, or the wait for the next attempt.</param>
    public static async Task SaveAsync(IClusterConfigurationStorage members, LogEntry configuration, Func<bool> mayWait, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await members.SaveConfigurationAsync(new LogEntryView(configuration), configuration.Index, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception refused) when ((FullDisk.Is(refused) || EnvironmentFault.Is(refused)) && mayWait())
            {
                await Task.Delay(RoomRetryPeriod, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
