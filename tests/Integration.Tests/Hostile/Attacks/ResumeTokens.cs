using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Random tokens, and tokens of another range with some bytes changed. They must neither move a scan out of its range nor end a node.</summary>
internal sealed class ResumeTokens : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(2);
        var kv = new Kv.KvClient(channel);
        var genuine = ByteString.Empty;
        using (var scan = kv.Scan(new ScanRequest { Header = Victim.Header, Limit = 1, KeysOnly = true }, cancellationToken: until))
        {
            if (await scan.ResponseStream.MoveNext(until))
            {
                genuine = scan.ResponseStream.Current.ResumeToken;
            }
        }

        await Victim.RepeatAsync(
            8,
            async (side, token) =>
            {
                var bytes = side % 2 == 0 ? genuine.ToByteArray() : new byte[Random.Shared.Next(0, 4_000)];
                for (var i = 0; i < Math.Min(bytes.Length, side % 2 == 0 ? 3 : bytes.Length); i++)
                {
                    bytes[Random.Shared.Next(bytes.Length)] = (byte)Random.Shared.Next(256);
                }

                var resume = ByteString.CopyFrom(bytes);
                using var scan = kv.Scan(new ScanRequest { Header = Victim.Header, KeysOnly = true, Prefix = ByteString.CopyFromUtf8("{t}/"), ResumeToken = resume }, cancellationToken: token);
                await scan.ResponseStream.MoveNext(token);
                await kv.DeleteRangeAsync(new DeleteRangeRequest { Header = Victim.Header, Prefix = ByteString.CopyFromUtf8("{none}/"), ResumeToken = resume }, cancellationToken: token);
            },
            until);
    }
}
