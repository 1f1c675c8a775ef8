using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Pipes with 4,096 reads of a large value in flight; the answers of every second pipe are not read.</summary>
internal sealed class Pipes : IAttack
{
    private const int Reads = 4096;
    private const int PerMessage = 512;

    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        await Victim.RepeatAsync(
            12,
            async (side, token) =>
            {
                using var channel = victim.Connect(side);
                using var pipe = new Kv.KvClient(channel).Pipe(cancellationToken: token);
                for (var i = 0; i < Reads; i += PerMessage)
                {
                    var message = new PipeRequest();
                    message.Calls.Add(Enumerable.Range(i, PerMessage).Select(id => new PipeCall
                    {
                        CorrelationId = id,
                        Get = new() { Header = Victim.Header, Key = Victim.LargeKey(side) },
                    }));
                    await pipe.RequestStream.WriteAsync(message, token);
                }

                if (side % 2 == 0)
                {
                    await Task.Delay(Timeout.Infinite, token);
                }

                while (await pipe.ResponseStream.MoveNext(token))
                {
                }
            },
            until);
    }
}
