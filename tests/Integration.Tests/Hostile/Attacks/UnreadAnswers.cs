using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Unary calls whose answers have megabytes; the clients read only the headers.</summary>
internal sealed class UnreadAnswers : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var client = new HttpClient(new SocketsHttpHandler { InitialHttp2StreamWindowSize = 65_535, EnableMultipleHttp2Connections = true });
        var request = new MultiGetRequest { Header = Victim.Header };
        request.Keys.Add(Enumerable.Range(0, 3).Select(Victim.LargeKey));
        var bytes = request.ToByteArray();
        byte[] framed = [0, .. BitConverter.GetBytes(bytes.Length).Reverse(), .. bytes];
        await Victim.RepeatAsync(
            200,
            async (side, token) =>
            {
                using var message = new HttpRequestMessage(HttpMethod.Post, $"http://{victim.Endpoints[side % victim.Endpoints.Count]}/kvraft.v1.Kv/MultiGet")
                {
                    Version = new Version(2, 0),
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    Content = new ByteArrayContent(framed),
                };
                message.Content.Headers.ContentType = new("application/grpc");
                message.Headers.Add("TE", "trailers");
                using var response = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, token);
                await Task.Delay(TimeSpan.FromSeconds(20), token);
            },
            until);
    }
}
