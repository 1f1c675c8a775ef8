using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>130 scans, ascending and descending, whose answers are not read. A scan that the node ends is started again.</summary>
internal sealed class UnreadScans : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var first = victim.Connect(0);
        using var second = victim.Connect(1);
        Kv.KvClient[] clients = [new(first), new(second)];
        await Victim.RepeatAsync(
            130,
            async (side, token) =>
            {
                using var scan = clients[side % 2].Scan(new ScanRequest { Header = Victim.Header, Ordered = side % 3 == 0 }, cancellationToken: token);
                await scan.ResponseHeadersAsync;
                await Task.Delay(TimeSpan.FromSeconds(30), token);
            },
            until);
    }
}
