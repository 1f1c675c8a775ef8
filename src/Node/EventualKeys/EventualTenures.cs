using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Storage;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Tells this node's copies of eventual keys of every change of the ring and the keyspaces, and has them meet the others where their word does not count any
/// more; see <see cref="TenureBook"/>. A view that is passed over is harmless: what cannot be known is found out by meeting.
/// </summary>
internal sealed class EventualTenures(
    EventualReplica replica, KeyOwners owners, ShardMapHolder map, EventualRepairLoop repair, NodeFailure failure) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(HearForeverAsync, stoppingToken);

    private async Task HearForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before looking; see ChangeSignal.
            var (news, opened) = (map.Changes.Next, replica.HealthChanged);
            if (map.Current.Map is not null)
            {
                try
                {
                    await HearAsync(owners.News(), cancellationToken);
                }
                catch (StorageException) when (cancellationToken.IsCancellationRequested || replica.Failure.IsFaulted)
                {
                    // The store closes, or has failed, which EventualWatch reports: there is nothing more to do.
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
                catch (StorageException)
                {
                    // It has no room, or is rebuilt: it hears of the ring when it is open.
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
