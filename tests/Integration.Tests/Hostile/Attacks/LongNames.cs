using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Gets with a keyspace name of almost 4 MiB, in pipes whose answers are not read and in unary calls: a refusal that repeats the name is larger than the request.</summary>
internal sealed class LongNames : IAttack
{
    private const int NameChars = 4_000_000;

    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(0);
        var kv = new Kv.KvClient(channel);
        var get = new GetRequest { Header = new RequestHeader { Keyspace = new string('\u0001', NameChars) }, Key = Victim.LargeKey(0) };
        await Victim.RepeatAsync(
            8,
            async (side, token) =>
            {
                if (side % 2 == 0)
                {
                    await kv.GetAsync(get, cancellationToken: token);
                    return;
                }

                using var pipe = kv.Pipe(cancellationToken: token);
                for (var id = 1L; !token.IsCancellationRequested; id++)
                {
                    await pipe.RequestStream.WriteAsync(new PipeRequest { Calls = { new PipeCall { CorrelationId = id, Get = get } } }, token);
                }
            },
            until);
    }
}
