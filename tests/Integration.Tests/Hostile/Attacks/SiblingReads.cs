using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>
/// Eventual keys with megabytes of values, read by many callers at once through every node; some read the headers of the answer and never the rest. There is no
/// multi-get of eventual keys; many reads on one connection replace it.
/// </summary>
internal sealed class SiblingReads : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var first = victim.Connect(0);
        using var second = victim.Connect(1);
        using var third = victim.Connect(2);
        EventualKv.EventualKvClient[] clients = [new(first), new(second), new(third)];
        await Victim.RepeatAsync(
            300,
            async (side, token) =>
            {
                using var call = clients[side % 3].GetAsync(
                    new EventualGetRequest { Header = new RequestHeader { Keyspace = Victim.Eventual }, Key = Victim.SiblingKey(side) },
                    cancellationToken: token);
                await call.ResponseAsync;
            },
            until);
    }
}
