using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Random contexts, and genuine contexts with some bytes changed, on keys of an eventual keyspace.</summary>
internal sealed class CausalContexts : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(1);
        var kv = new EventualKv.EventualKvClient(channel);
        await Victim.RepeatAsync(
            8,
            async (side, token) =>
            {
                var header = new RequestHeader { Keyspace = Victim.Eventual };
                var key = ByteString.CopyFromUtf8($"k{side}");
                var read = await kv.GetAsync(new EventualGetRequest { Header = header, Key = key }, cancellationToken: token);
                var bytes = side % 2 == 0 && !read.Context.IsEmpty ? read.Context.ToByteArray() : new byte[Random.Shared.Next(1, 20_000)];
                for (var i = 0; i < Math.Min(bytes.Length, 4); i++)
                {
                    bytes[Random.Shared.Next(bytes.Length)] = (byte)Random.Shared.Next(256);
                }

                await kv.PutAsync(
                    new EventualPutRequest { Header = header, Key = key, Value = ByteString.CopyFrom(new byte[Random.Shared.Next(200_000)]), Context = ByteString.CopyFrom(bytes) },
                    cancellationToken: token);
            },
            until);
    }
}
