using System.Diagnostics;
using System.Globalization;
using Google.Api;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Node.Tests.Running;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Fuzz;

/// <summary>
/// For any message to any call, the node answers, or refuses with a reason of its own. It never crashes, never reports an internal
/// fault, and stores nothing of the message.
/// </summary>
public sealed class FuzzTests(SingleNode node, ITestOutputHelper output) : IClassFixture<SingleNode>
{
    private const int Workers = 4;

    /// <summary>
    /// The memory that a minute of random messages may leave; 80 to 116 MiB were measured. By heap dumps it is arrays of 2 MiB, the size to which .NET's shared pool rounds
    /// large messages up: three after seven seconds, sixteen after forty, while all objects together grew from 104,000 to 114,000. The pool holds up to 32 of a
    /// size for each core, 128 MiB on two. Leaked requests would be objects, and many.
    /// </summary>
    private const long GrowthBytesMax = 192L << 20;

    private static readonly MethodDescriptor[] Methods =
    [
        .. Kv.Descriptor.Methods, .. Keyspaces.Descriptor.Methods, .. V1.Routing.Descriptor.Methods, .. Admin.Descriptor.Methods,
        .. Moves.Descriptor.Methods, .. EventualKv.Descriptor.Methods, .. EventualRepair.Descriptor.Methods,
        .. EventualPeers.Descriptor.Methods, .. EventualTrees.Descriptor.Methods,
    ];

    // One for each, because a channel stores every method that was ever called through it.
    private static readonly Dictionary<MethodDescriptor, Method<byte[], IMessage>> Calls = Methods.ToDictionary(static method => method, static method => new Method<byte[], IMessage>(
        method.IsClientStreaming ? MethodType.DuplexStreaming : method.IsServerStreaming ? MethodType.ServerStreaming : MethodType.Unary,
        method.Service.FullName, method.Name,
        Marshallers.Create<byte[]>(static bytes => bytes, static bytes => bytes),
        Marshallers.Create<IMessage>(static message => message.ToByteArray(), method.OutputType.Parser.ParseFrom)));

    [Fact]
    public Task Five_seconds_of_noise_get_typed_answers() => RunAsync(TimeSpan.FromSeconds(5));

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Suite", "Fuzz")]
    public Task A_minute_of_noise_gets_typed_answers() => RunAsync(TimeSpan.FromMinutes(1));

    [Fact]
    public async Task Malformed_bytes_are_refused_and_harm_no_other_request()
    {
        var chance = new Random(1);
        foreach (var method in Methods.Where(method => !method.IsClientStreaming))
        {
            for (var i = 0; i < 20; i++)
            {
                var noise = new byte[chance.Next(1, 200)];
                chance.NextBytes(noise);
                await Outcome(() => CallAsync(method, noise, _ => { }));
            }
        }

        await AssertServesAsync();
    }

    [Fact]
    public async Task Malformed_json_is_refused_and_harms_no_other_request()
    {
        using var http = new HttpClient();
        var chance = new Random(2);
        string[] bodies =
        [
            "", "{", "[]", "null", "7", "\"text\"", "{\"key\":7}", "{\"key\":\"no base64\"}", "{\"limit\":\"99999999999999999999\"}", "{\"header\":[]}",
            "{\"header\":{\"timeoutMs\":-1},\"key\":\"AA==\"}", new string('[', 10_000), new string('x', 10_000),
        ];
        foreach (var method in Methods.Where(static method => method.GetOptions()?.HasExtension(AnnotationsExtensions.Http) ?? false))
        {
            var rule = method.GetOptions().GetExtension(AnnotationsExtensions.Http);
            foreach (var body in bodies)
            {
                using var request = new HttpRequestMessage(VerbOf(rule), $"http://{node.Cluster.Nodes[0]!.PublicEndPoint}{PathOf(rule, chance)}")
                {
                    Version = System.Net.HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    Content = rule.Body.Length == 0 ? null : new StringContent(body, System.Text.Encoding.UTF8, "application/json"),
                };
                using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                Assert.True((int)response.StatusCode < 500, $"{method.Name} {body}: {response.StatusCode}");
            }
        }

        await AssertServesAsync();
    }

    private static HttpMethod VerbOf(HttpRule rule) => rule.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => HttpMethod.Get,
        HttpRule.PatternOneofCase.Patch => HttpMethod.Patch,
        HttpRule.PatternOneofCase.Delete => HttpMethod.Delete,
        _ => HttpMethod.Post,
    };

    private static string PathOf(HttpRule rule, Random chance)
    {
        var path = rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => rule.Get,
            HttpRule.PatternOneofCase.Patch => rule.Patch,
            HttpRule.PatternOneofCase.Delete => rule.Delete,
            _ => rule.Post,
        };
        return path.Replace("{name}", new[] { "nobody", "%20", "UPPER", "%F0%9F%98%80" }[chance.Next(4)], StringComparison.Ordinal);
    }

    private async Task RunAsync(TimeSpan duration)
    {
        var seed = Environment.GetEnvironmentVariable("KVRAFT_FUZZ_SEED") is { Length: > 0 } given
            ? int.Parse(given, CultureInfo.InvariantCulture)
            : Random.Shared.Next();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"KVRAFT_FUZZ_SEED={seed}"));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var counts = await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(seed + worker, duration))));

        await AssertServesAsync();
        var growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{counts.Sum(count => count.Answered)} answered, {counts.Sum(count => count.Refused)} refused, {growth >> 10} KiB more memory"));
        Assert.True(counts.Sum(count => count.Answered) > 0 && counts.Sum(count => count.Refused) > 0);
        Assert.True(growth < GrowthBytesMax, $"{growth} bytes more than before");
    }

    private async Task<(int Answered, int Refused)> WorkAsync(int seed, TimeSpan duration)
    {
        var chance = new Random(seed);
        var fuzz = new MessageFuzz(chance);
        var (answered, refused) = (0, 0);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < duration)
        {
            var method = Methods[chance.Next(Methods.Length)];
            var request = fuzz.Make(method.InputType);
            var error = await Outcome(() => CallAsync(method, request.ToByteArray(), answer => Learn(fuzz, answer)));
            if (error is null)
            {
                answered++;
                continue;
            }

            refused++;
            var text = request.ToString()!;
            Assert.True(IsTyped(error), $"seed {seed}: {method.Name} {(text.Length > 2_000 ? text[..2_000] : text)}\n{error.Status}\n{error.GetRpcStatus()}");
        }

        return (answered, refused);
    }

    private static DateTime Deadline => DateTime.UtcNow + RunningCluster.Patience;

    private static async Task<RpcException?> Outcome(Func<Task> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (RpcException error)
        {
            return error;
        }
    }

    /// <summary>One of KvRaft's reasons, and not a fault.</summary>
    private static bool IsTyped(RpcException error) =>
        error.GetRpcStatus()?.GetDetail<ErrorInfo>() is { Domain: ErrorReasons.Domain, Reason: not (ErrorReasons.Internal or ErrorReasons.CorruptReplica or "") };

    private static void Learn(MessageFuzz fuzz, IMessage answer)
    {
        switch (answer)
        {
            case ScanChunk chunk:
                fuzz.Remember(chunk.ResumeToken);
                break;
            case DeleteRangeResponse range:
                fuzz.Remember(range.ResumeToken);
                break;
            case PipeResponse pipe:
                Assert.All(pipe.Answers, each => Assert.NotEqual(ErrorReasons.Internal, each.Error?.Reason));
                break;
        }
    }

    /// <summary>One call of any kind. For a stream the first few answers are enough.</summary>
    private async Task CallAsync(MethodDescriptor method, byte[] request, Action<IMessage> seen)
    {
        var invoker = node.Cluster.Channel(0).CreateCallInvoker();
        var call = Calls[method];
        var type = call.Type;
        var options = new CallOptions(deadline: Deadline);
        switch (type)
        {
            case MethodType.Unary:
                seen(await invoker.AsyncUnaryCall(call, null, options, request));
                break;
            case MethodType.ServerStreaming:
                using (var stream = invoker.AsyncServerStreamingCall(call, null, options, request))
                {
                    await ReadSomeAsync(stream.ResponseStream, seen);
                }

                break;
            default:
                using (var duplex = invoker.AsyncDuplexStreamingCall(call, null, options))
                {
                    var broken = await SendAsync(duplex.RequestStream, request);
                    var answers = await ReadSomeAsync(duplex.ResponseStream, seen);
                    if (broken is not null && answers == 0)
                    {
                        throw broken;
                    }
                }

                break;
        }
    }

    /// <summary>
    /// The failure of the write, if it failed. If a node refuses a message by its length, it ends the call while the rest is still in transit;
    /// then the write only reports that it was cancelled, and the answer has the reason.
    /// </summary>
    private static async Task<RpcException?> SendAsync(IClientStreamWriter<byte[]> stream, byte[] request)
    {
        try
        {
            await stream.WriteAsync(request);
            await stream.CompleteAsync();
            return null;
        }
        catch (RpcException error)
        {
            return error;
        }
    }

    private static async Task<int> ReadSomeAsync(IAsyncStreamReader<IMessage> stream, Action<IMessage> seen)
    {
        // The first message of WatchRoutes arrives at once, the next perhaps in five seconds.
        if (!await stream.MoveNext(CancellationToken.None))
        {
            return 0;
        }

        seen(stream.Current);
        return 1;
    }

    private async Task AssertServesAsync()
    {
        // A keyspace that no noise has altered.
        var header = new RequestHeader { Keyspace = "alive" };
        var key = ByteString.CopyFromUtf8("key");
        await new Keyspaces.KeyspacesClient(node.Cluster.Channel(0)).CreateAsync(
            new CreateKeyspaceRequest { Keyspace = new() { Name = header.Keyspace }, IfNotExists = true }, deadline: Deadline);
        var put = await node.Cluster.Kv(0).PutAsync(new PutRequest { Header = header, Key = key, Value = key }, deadline: Deadline);
        Assert.Equal(put.Version, (await node.Cluster.Kv(0).GetAsync(new GetRequest { Header = header, Key = key }, deadline: Deadline)).Current.Version);
    }
}
