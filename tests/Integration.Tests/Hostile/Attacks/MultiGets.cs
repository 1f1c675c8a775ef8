using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Many keys at once: 256 times one key, and all large keys together, in one message and in a stream.</summary>
internal sealed class MultiGets : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(1);
        var kv = new Kv.KvClient(channel);
        var same = new MultiGetRequest { Header = Victim.Header };
        same.Keys.Add(Enumerable.Repeat(Victim.LargeKey(0), 256));
        var all = new MultiGetRequest { Header = Victim.Header };
        all.Keys.Add(Enumerable.Range(0, Victim.LargeKeys).Select(Victim.LargeKey));
        await Victim.RepeatAsync(
            72,
            async (side, token) =>
            {
                switch (side % 3)
                {
                    case 0:
                        await kv.MultiGetAsync(same.Clone(), cancellationToken: token);
                        break;
                    case 1:
                        await kv.MultiGetAsync(all.Clone(), cancellationToken: token);
                        break;
                    default:
                        using (var stream = kv.MultiGetStream(all.Clone(), cancellationToken: token))
                        {
                            while (await stream.ResponseStream.MoveNext(token))
                            {
                            }
                        }

                        break;
                }
            },
            until);
    }
}
