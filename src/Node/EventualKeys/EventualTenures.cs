using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Storage;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Applies every change of the ring and the keyspaces to this node's copies of eventual keys, and repairs them with the others where this node's answers no longer
/// count; see <see cref="TenureBook"/>. A skipped view does no harm: repair supplies the data that the node may lack.
/// </summary>
internal sealed class EventualTenures(
    EventualReplica replica, ReplicaHolders holders, ShardMapHolder map, EventualRepairLoop repair, NodeFailure failure) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(HearForeverAsync, stoppingToken);

    private async Task HearForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var (news, opened) = (map.Changes.Next, replica.HealthChanged);
            if (map.Current.Map is not null)
            {
                try
                {
                    await HearAsync(holders.News(), cancellationToken);
                }
                catch (StorageException) when (cancellationToken.IsCancellationRequested || replica.Failure.IsFaulted)
                {
                    // The store closes, or has failed, which EventualWatch reports: there is nothing more to do.
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
                catch (StorageException)
                {
                    // The store has no disk space, or is being rebuilt: it receives the ring when it is open.
                }
            }

            await Task.WhenAny(news, opened).WaitAsync(cancellationToken);
        }
    }

    private async Task HearAsync(RingNews heard, CancellationToken cancellationToken)
    {
        if (heard.Epoch > replica.Tenures.Epoch)
        {
            await replica.HearAsync(heard, cancellationToken);
        }

        if (heard.Keyspaces.Any(keyspace => replica.Tenures.Keyspaces.GetValueOrDefault(keyspace.Id)?.Whole.Equals(keyspace.Kept) is not true))
        {
            repair.RunSoon();
        }
    }
}
