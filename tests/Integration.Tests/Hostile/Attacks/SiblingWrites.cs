using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>
/// Writes of a few bytes to eventual keys that hold megabytes: without a context, so that each is refused or adds a value, and the state of the key is read, merged and sent to the
/// other replicas.
/// </summary>
internal sealed class SiblingWrites : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var first = victim.Connect(0);
        using var second = victim.Connect(1);
        EventualKv.EventualKvClient[] clients = [new(first), new(second)];
        var value = ByteString.CopyFrom(new byte[120_000]);
        await Victim.RepeatAsync(
            400,
            async (side, token) => await clients[side % 2].PutAsync(
                new EventualPutRequest
                {
                    Header = new RequestHeader { Keyspace = Victim.Eventual },
                    Key = Victim.SiblingKey(side),
                    Value = side % 4 == 0 ? value : ByteString.CopyFromUtf8("x"),
                },
                cancellationToken: token),
            until);
    }
}
