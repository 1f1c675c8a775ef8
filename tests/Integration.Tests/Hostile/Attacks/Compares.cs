using System.Security.Cryptography;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Transactions of 6 kB that compare the hash of one value of a megabyte 128 times: every replica reads and hashes what the entry names.</summary>
internal sealed class Compares : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(0);
        var kv = new Kv.KvClient(channel);
        var hash = ByteString.CopyFrom(SHA256.HashData("no value"u8));
        var request = new TxnRequest { Header = Victim.Header };
        request.Compares.Add(Enumerable.Range(0, 128).Select(_ => new TxnRequest.Types.Compare { Key = Victim.LargeKey(0), Condition = new Condition { ValueSha256Equals = hash } }));
        request.Failure.Add(new TxnOperation { Put = new() { Key = ByteString.CopyFromUtf8("{t}/compared"), Value = ByteString.CopyFromUtf8("1") } });
        await Victim.RepeatAsync(24, async (_, token) => await kv.TxnAsync(request.Clone(), cancellationToken: token), until);
    }
}
