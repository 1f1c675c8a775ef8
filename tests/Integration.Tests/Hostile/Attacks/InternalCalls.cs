using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Calls that only nodes make of each other, from a client that is none.</summary>
internal sealed class InternalCalls : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(0);
        var peers = new EventualPeers.EventualPeersClient(channel);
        var noise = new byte[8 << 20];
        Random.Shared.NextBytes(noise);
        await Victim.RepeatAsync(
            6,
            async (side, token) =>
            {
                var key = new StateKey { Keyspace = Random.Shared.Next(), Token = (ulong)Random.Shared.NextInt64(), Key = ByteString.CopyFromUtf8($"k{side}") };
                await peers.StoreAsync(
                    new StoreStateRequest { Key = key, State = UnsafeByteOperations.UnsafeWrap(noise.AsMemory(0, Random.Shared.Next(noise.Length))), Durable = true },
                    cancellationToken: token);
                await peers.FetchAsync(new FetchStateRequest { Key = key }, cancellationToken: token);
            },
            until);
    }
}
