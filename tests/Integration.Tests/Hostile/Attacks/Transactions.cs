using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Transactions of 3 kB that ask for 128 MiB each.</summary>
internal sealed class Transactions : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(0);
        var kv = new Kv.KvClient(channel);
        var request = new TxnRequest { Header = Victim.Header };
        request.Success.Add(Enumerable.Range(0, 128).Select(i => new TxnOperation { Get = new() { Key = Victim.LargeKey(i % 2) } }));
        await Victim.RepeatAsync(24, async (_, token) => await kv.TxnAsync(request.Clone(), cancellationToken: token), until);
    }
}
