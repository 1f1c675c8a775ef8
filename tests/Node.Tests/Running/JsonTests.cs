using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Google.Protobuf;

namespace KvRaft.Node.Tests.Running;

/// <summary>The same services as JSON over HTTP. tests/Interop has every call, by curl; here is what needs a node's inside.</summary>
public sealed class JsonTests : IAsyncLifetime
{
    private RunningCluster? _cluster;
    private HttpClient? _http;

    public async ValueTask InitializeAsync()
    {
        _cluster = await RunningCluster.StartAsync(
            nodes: 1, shards: 4, options => options with { HttpListen = new IPEndPoint(IPAddress.Loopback, 0) });
        _http = new HttpClient { BaseAddress = new Uri($"http://{_cluster.Nodes[0]!.HttpEndPoint}") };
    }

    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_JSON_wrote_gRPC_reads_with_numbers_whole_and_bytes_as_they_are()
    {
        var put = await PostAsync("put", new { key = Base64("json"), value = Convert.ToBase64String([0xff, 0x00]) });
        var read = await _cluster!.Kv(0).GetAsync(new V1.GetRequest { Key = ByteString.CopyFromUtf8("json") });
        var count = await PostAsync("increment", new { key = Base64("big"), delta = long.MaxValue.ToString(System.Globalization.CultureInfo.InvariantCulture) });

        Assert.Equal(HttpStatusCode.OK, put.Status);
        Assert.Equal([0xff, 0x00], read.Current.Value.ToByteArray());
        Assert.Equal("9223372036854775807", count.Body.GetProperty("value").GetString());
    }

    [Fact]
    public async Task An_error_has_the_reason_and_the_details_that_gRPC_has()
    {
        var (status, body) = await PostAsync("put", new { key = Base64(new string('k', 5000)), value = "" });

        Assert.Equal(HttpStatusCode.BadRequest, status);
        var details = body.GetProperty("details").EnumerateArray().ToDictionary(static detail => detail.GetProperty("@type").GetString()!);
        var info = details["type.googleapis.com/google.rpc.ErrorInfo"];
        Assert.Equal("LIMIT_EXCEEDED", info.GetProperty("reason").GetString());
        Assert.Equal("NOT_EXECUTED", info.GetProperty("metadata").GetProperty("execution").GetString());
        Assert.Equal("limits.keyBytesMax", info.GetProperty("metadata").GetProperty("setting").GetString());
        Assert.Equal("key", details["type.googleapis.com/google.rpc.BadRequest"].GetProperty("fieldViolations")[0].GetProperty("field").GetString());
    }

    [Fact]
    public async Task A_body_that_is_too_long_is_refused_whether_it_says_so_or_not()
    {
        var content = new byte[_cluster!.Options(0).Limits.MessageBytesMax * 2 + 1];
        Array.Fill(content, (byte)' ');
        using var honest = new ByteArrayContent(content);
        honest.Headers.ContentType = new("application/json");
        var refused = await _http!.PostAsync("/v1/kv/get", honest);
        using var chunked = new StreamContent(new MemoryStream(content));
        chunked.Headers.ContentType = new("application/json");
        using var message = new HttpRequestMessage(HttpMethod.Post, "/v1/kv/get") { Content = chunked };
        message.Headers.TransferEncodingChunked = true;
        var cut = await _http.SendAsync(message);

        Assert.Contains("LIMIT_EXCEEDED", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, cut.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("get", new { key = Base64("a") })).Status);
    }

    [Fact]
    public async Task A_scan_is_a_document_a_line()
    {
        foreach (var i in Enumerable.Range(0, 20))
        {
            await PostAsync("put", new { key = Base64($"lines/{i:d2}"), value = Base64("v") });
        }

        using var response = await _http!.PostAsJsonAsync("/v1/kv/scan", new { prefix = Base64("lines/"), ordered = true, chunkBytesMax = 1024 });
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var chunks = lines.Select(static line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(20, chunks.Sum(static chunk => chunk.GetProperty("items").GetArrayLength()));
        Assert.True(chunks[^1].GetProperty("done").GetBoolean());
    }

    [Fact]
    public async Task The_port_of_gRPC_hears_JSON_over_HTTP_2()
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, $"http://{_cluster!.Nodes[0]!.PublicEndPoint}/v1/status")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await _http!.SendAsync(message);

        Assert.Equal("n1", JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("nodeId").GetString());
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string call, object body)
    {
        using var response = await _http!.PostAsJsonAsync("/v1/kv/" + call, body);
        return (response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.Clone());
    }
}
