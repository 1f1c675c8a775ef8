using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Six hundred callers at once demand digests and checkpoints of whole shards, and half of them leave at once.</summary>
internal sealed class WholeShardReads : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var first = victim.Connect(0);
        using var second = victim.Connect(1);
        Admin.AdminClient[] clients = [new(first), new(second)];
        await Victim.RepeatAsync(
            600,
            async (side, token) =>
            {
                var deadline = side % 2 == 0 ? DateTime.UtcNow.AddMilliseconds(50) : (DateTime?)null;
                if (side % 10 == 9)
                {
                    await clients[side % 2].SnapshotAsync(new SnapshotRequest { Shard = side % 4 }, deadline: deadline, cancellationToken: token);
                }
                else
                {
                    await clients[side % 2].DigestAsync(new DigestRequest { Shard = side % 4 }, deadline: deadline, cancellationToken: token);
                }
            },
            until);
    }
}
