using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Writes of a few bytes that answer or rewrite a megabyte each: conditions that fail, new expiries, and whole ranges.</summary>
internal sealed class AnsweringWrites : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        await Victim.RepeatAsync(
            6,
            async (side, token) =>
            {
                using var channel = victim.Connect(side);
                using var pipe = new Kv.KvClient(channel).Pipe(cancellationToken: token);
                var reading = Task.Run(async () => { while (await pipe.ResponseStream.MoveNext(token)) { } }, token);
                for (var i = 0; i < 16; i++)
                {
                    var message = new PipeRequest();
                    message.Calls.Add(Enumerable.Range(i * 64, 64).Select(id => id % 3 == 0
                        ? new PipeCall { CorrelationId = id, Touch = new() { Header = Victim.Header, Key = Victim.LargeKey(id), Options = new() { NoExpiry = true } } }
                        : new PipeCall { CorrelationId = id, Put = new() { Header = Victim.Header, Key = Victim.LargeKey(id), Condition = new() { Absent = true } } }));
                    await pipe.RequestStream.WriteAsync(message, token);
                }

                await pipe.RequestStream.CompleteAsync();
                await reading;
                await new Kv.KvClient(channel).DeleteRangeAsync(
                    new DeleteRangeRequest { Header = Victim.Header, Prefix = Google.Protobuf.ByteString.CopyFromUtf8("{none}/") }, cancellationToken: token);
            },
            until);
    }
}
