using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Storage;

namespace KvRaft.Eventual.Repair;

/// <summary>
/// Removes expired values. It skips a record that cannot be read, which must neither delay the others nor stop the node. One caller at a time.
/// </summary>
internal sealed class ExpirySweep(EventualReplica replica, TimeProvider time)
{
    /// <summary>Values removed at a time.</summary>
    private const int KeysPerStep = 256;

    /// <summary>Removes every value that is due now, in one pass.</summary>
    /// <returns>Records that could not be read.</returns>
    /// <exception cref="StorageException">The disk of this node failed, or the store is closing.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var (damaged, nowMs) = (0, time.GetUtcNow().ToUnixTimeMilliseconds());
        DueKey? after = null;
        while (replica.Due(nowMs, after, KeysPerStep) is { Count: > 0 } due)
        {
            after = due[^1];
            damaged += (await Task.WhenAll(due.Select(one => TryExpireAsync(one.Key, cancellationToken))).ConfigureAwait(false)).Count(static done => !done);
        }

        return damaged;
    }

    private async Task<bool> TryExpireAsync(EventualKey key, CancellationToken cancellationToken)
    {
        try
        {
            await replica.WriteAsync(key, new ExpireValues(), durable: false, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (EventualFormatException)
        {
            return false;
        }
    }
}
