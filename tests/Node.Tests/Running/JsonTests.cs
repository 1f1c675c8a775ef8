using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Google.Protobuf;

namespace KvRaft.Node.Tests.Running;

/// <summary>The same services as JSON over HTTP. tests/Interop has every call, by curl; here are the tests that need access to a node's internals.</summary>
public sealed class JsonTests : IAsyncLifetime
{
    private RunningCluster? _cluster;
    private HttpClient? _http;

    public async ValueTask InitializeAsync()
    {
        _cluster = await RunningCluster.StartAsync(
            nodes: 1, shards: 4, options => options with { HttpListen = new IPEndPoint(IPAddress.Loopback, 0), AllowedHosts = ["proxy.example"] });
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
    public async Task Values_written_as_JSON_are_read_by_gRPC_with_exact_numbers_and_bytes()
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
    public async Task A_body_that_is_too_long_is_refused_with_and_without_a_length()
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
    public async Task A_scan_is_one_document_per_line()
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
    public async Task The_port_of_gRPC_accepts_JSON_over_HTTP_2()
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, $"http://{_cluster!.Nodes[0]!.PublicEndPoint}/v1/status")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await _http!.SendAsync(message);

        Assert.Equal("n1", JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("nodeId").GetString());
    }

    /// <summary>
    /// Unknown names were skipped: a write with a misspelt condition overwrote, a value with a misspelt expiry never expired, a range with a misspelt end deleted to the end of the keyspace.
    /// </summary>
    [Theory]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","conditon":{"absent":true}}""", "conditon")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","condition":{"absnt":true}}""", "condition.absnt")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"ttlms":"1"}}""", "options.ttlms")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","value":"b2xk"}""", "value")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"ttlMs":"1","ttl_ms":"2"}}""", "options.ttl_ms")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"ttlMs":"1","noExpiry":true}}""", "options.noExpiry")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3"} {"key":"c3RyaWN0"}""", "body")]
    [InlineData("put", """[{"key":"c3RyaWN0"}]""", "body")]
    [InlineData("put", """{"key":"c3RyaWN0",}""", "body")]
    [InlineData("multi-set", """{"items":[{"key":"c3RyaWN0","value":"bmV3"},{"key":"eA==","delet":true}]}""", "items[1].delet")]
    [InlineData("txn", """{"success":[{"put":{"key":"c3RyaWN0","value":"bmV3","optons":{}}}]}""", "success[0].put.optons")]
    [InlineData("delete-range", """{"start":"c3Q=","edn":"c3Q="}""", "edn")]
    [InlineData("put?no_forward=true", """{"key":"c3RyaWN0","value":"bmV3"}""", "no_forward")]
    public async Task A_name_that_the_call_does_not_have_is_refused_and_nothing_is_done(string call, string body, string field)
    {
        await PostAsync("put", new { key = Base64("strict"), value = Base64("old") });

        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _http!.PostAsync("/v1/kv/" + call, content);
        var refused = await RefusalAsync(response);

        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST", "NOT_EXECUTED", field), refused);
        Assert.Equal("old", (await _cluster!.Kv(0).GetAsync(new V1.GetRequest { Key = ByteString.CopyFromUtf8("strict") })).Current.Value.ToStringUtf8());
    }

    // They were refused with a text of .NET, without a reason, a field or the word that nothing was executed.
    [Theory]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"ttlMs":"soon"}}""", "options.ttlMs")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"ttlMs":"9223372036854775808"}}""", "options.ttlMs")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"ttlMs":null}}""", "options.ttlMs")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","options":{"returnPrevious":"true"}}""", "options.returnPrevious")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","condition":{"absent":"yes"}}""", "condition.absent")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","condition":{"absent":null,"present":true}}""", "condition.absent")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","condition":[]}""", "condition")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","header":{"timeoutMs":"5"}}""", "header.timeoutMs")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","header":{"timeoutMs":1.5}}""", "header.timeoutMs")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","header":{"timeoutMs":99999999999}}""", "header.timeoutMs")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","header":{"keyspace":7}}""", "header.keyspace")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"bmV3","header":{"keyspace":"\ud800"}}""", "header.keyspace")]
    [InlineData("put", """{"key":"c3RyaWN0","value":"%%"}""", "value")]
    [InlineData("put", """{"key":"c3RyaWN0","value":7}""", "value")]
    [InlineData("put", """{"key":["c3RyaWN0"]}""", "key")]
    [InlineData("put", "", "body")]
    [InlineData("put", "{", "body")]
    [InlineData("put", "\"x\"", "body")]
    [InlineData("put", """{"key":"c3RyaWN0","\ud800":1}""", "body")]
    [InlineData("multi-set", """{"atomicity":"ATOMICITY_SHRAD","items":[{"key":"c3RyaWN0","value":"bmV3"}]}""", "atomicity")]
    [InlineData("multi-set", """{"atomicity":7,"items":[{"key":"c3RyaWN0","value":"bmV3"}]}""", "atomicity")]
    [InlineData("multi-set", """{"atomicity":true,"items":[{"key":"c3RyaWN0","value":"bmV3"}]}""", "atomicity")]
    [InlineData("multi-set", """{"items":[{"key":"c3RyaWN0","value":"bmV3"},null]}""", "items[1]")]
    [InlineData("multi-set", """{"items":{"key":"c3RyaWN0","value":"bmV3"}}""", "items")]
    [InlineData("multi-set", """{"items":null}""", "items")]
    [InlineData("multi-get", """{"keys":["c3RyaWN0",null]}""", "keys[1]")]
    [InlineData("multi-get", """{"keys":"c3RyaWN0"}""", "keys")]
    [InlineData("delete-range", """{"start":"c3Q=","end":7}""", "end")]
    public async Task A_value_of_another_type_is_refused_and_nothing_is_done(string call, string body, string field)
    {
        await PostAsync("put", new { key = Base64("strict"), value = Base64("old") });

        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _http!.PostAsync("/v1/kv/" + call, content);
        var text = await response.Content.ReadAsStringAsync();

        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST", "NOT_EXECUTED", field), await RefusalAsync(response));
        Assert.DoesNotContain("System.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
        Assert.Equal("old", (await _cluster!.Kv(0).GetAsync(new V1.GetRequest { Key = ByteString.CopyFromUtf8("strict") })).Current.Value.ToStringUtf8());
    }

    [Theory]
    [InlineData("/v1/routes/watch?sinceEpoch=abc", "sinceEpoch")]
    [InlineData("/v1/routes/watch?since_epoch=9223372036854775808", "since_epoch")]
    [InlineData("/v1/status?copyBytesPerSecond=1e3", "copyBytesPerSecond")]
    public async Task A_value_of_another_type_in_a_query_is_refused(string path, string field)
    {
        using var response = await _http!.GetAsync(path);

        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST", "NOT_EXECUTED", field), await RefusalAsync(response));
    }

    [Theory]
    [InlineData("""{"key":"bnVsbA==","value":"eA==","condition":null,"header":null,"options":null}""")]
    [InlineData("""{"key":"bnVsbA==","value":null}""")]
    [InlineData("""{"key":"bnVsbA==","value":"eA==","header":{"keyspace":null,"timeoutMs":5000}}""")]
    [InlineData("""{"key":"bnVsbA==","value":"eA==","options":{"ttlMs":60000}}""")]
    [InlineData("""{"key":"bnVs\u0062A==","value":"eA\u003d\u003d","options":{"ttlMs":"60000"}}""")]
    public async Task Every_value_that_is_taken_can_be_read(string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _http!.PostAsync("/v1/kv/put", content);

        Assert.True(response.StatusCode == HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
    }

    // The answer had three copies of a name, of 8 MB each.
    [Theory]
    [InlineData("n")]
    [InlineData("\\u0001")]
    [InlineData("\u00e9")]
    public async Task A_name_of_megabytes_is_refused_with_a_short_answer(string unit)
    {
        var name = string.Concat(Enumerable.Repeat(unit, 4_000_000 / Encoding.UTF8.GetByteCount(unit)));
        foreach (var body in new[] { """{"NAME":1}""", """{"header":{"NAME":1}}""", """{"key":"YQ==","header":{"keyspace":"NAME"}}""" })
        {
            using var content = new StringContent(body.Replace("NAME", name, StringComparison.Ordinal), Encoding.UTF8, "application/json");
            using var response = await _http!.PostAsync("/v1/kv/get", content);

            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.InRange((await response.Content.ReadAsByteArrayAsync()).Length, 100, 4096);
            Assert.Equal("NOT_EXECUTED", (await RefusalAsync(response)).Execution);
        }
    }

    [Fact]
    public async Task Field_names_are_accepted_in_the_spelling_of_protobuf_and_of_JSON()
    {
        using var content = new StringContent("""{"key":"Ym90aA==","value":"eA==","options":{"ttl_ms":"60000","return_previous":true},"header":{"timeoutMs":5000}}""", Encoding.UTF8, "application/json");
        using var response = await _http!.PostAsync("/v1/kv/put", content);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.NotEqual(0, (await _cluster!.Kv(0).GetAsync(new V1.GetRequest { Key = ByteString.CopyFromUtf8("both") })).Current.ExpireAtMs);
    }

    /// <summary>Also for calls that are added later.</summary>
    [Fact]
    public async Task Every_JSON_route_refuses_unknown_fields()
    {
        var calls = new[] { V1.KvReflection.Descriptor, V1.KeyspacesReflection.Descriptor, V1.RoutingReflection.Descriptor, V1.AdminReflection.Descriptor, V1.NodesReflection.Descriptor, V1.MovesReflection.Descriptor }
            .SelectMany(static file => file.Services).SelectMany(static service => service.Methods)
            .Select(static method => (Method: method, Rule: method.GetOptions()?.GetExtension(Google.Api.AnnotationsExtensions.Http)))
            .Where(static call => call.Rule is not null).ToArray();
        Assert.True(calls.Length >= 20);
        foreach (var (method, rule) in calls)
        {
            var path = (rule!.Get + rule.Post + rule.Patch + rule.Delete).Replace("{name}", "some", StringComparison.Ordinal);
            var verb = rule.Get.Length > 0 ? HttpMethod.Get : rule.Post.Length > 0 ? HttpMethod.Post : rule.Patch.Length > 0 ? HttpMethod.Patch : HttpMethod.Delete;
            using var message = new HttpRequestMessage(verb, rule.Body.Length > 0 ? path : path + "?misspelt=1");
            if (rule.Body.Length > 0)
            {
                message.Content = new StringContent("""{"misspelt":1}""", Encoding.UTF8, "application/json");
            }

            using var response = await _http!.SendAsync(message);

            Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST", "NOT_EXECUTED", "misspelt"), await RefusalAsync(response));
            _ = method;
        }
    }

    [Theory]
    [InlineData("GET", "/v1/status?copyBytesPerSecond=7", null, "copy_bytes_per_second")]
    [InlineData("GET", "/v1/status?copy_bytes_per_second=7", null, "copy_bytes_per_second")]
    [InlineData("GET", "/v1/routes/watch?sinceEpoch=1&sinceEpoch=2", null, "sinceEpoch")]
    [InlineData("GET", "/v1/routes/watch?sinceEpoch=1&since_epoch=2", null, "since_epoch")]
    [InlineData("GET", "/v1/keyspaces/default?name=other", null, "name")]
    [InlineData("GET", "/v1/limits", "{}", "body")]
    [InlineData("PATCH", "/v1/keyspaces/default", """{"name":"other","ttlDefaultMs":"1"}""", "name")]
    public async Task A_read_changes_nothing_and_takes_each_field_once(string verb, string path, string? body, string field)
    {
        var copies = _cluster!.Nodes[0]!.Service<KvRaft.Raft.Groups.RaftHost>().Copies;
        var pace = copies.BytesPerSecond;
        using var message = new HttpRequestMessage(new HttpMethod(verb), path);
        message.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");

        using var response = await _http!.SendAsync(message);

        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST", "NOT_EXECUTED", field), await RefusalAsync(response));
        Assert.Equal(pace, copies.BytesPerSecond);
    }

    // The requests that a form or a script of another site can send without a preflight.
    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]

    // The requests of a page that reached this node by another name: the checks of JSON calls did not apply to it.
    [InlineData("application/grpc")]
    [InlineData("application/grpc-web+proto")]
    public async Task A_body_without_the_content_type_of_JSON_is_refused(string? type)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes($$"""{"key":"{{Base64("typed")}}","value":"eA=="}"""));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var response = await _http!.PostAsync("/v1/kv/put", content);

        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST", "NOT_EXECUTED", "Content-Type"), await RefusalAsync(response));
        Assert.False((await _cluster!.Kv(0).GetAsync(new V1.GetRequest { Key = ByteString.CopyFromUtf8("typed") })).Found);
    }

    [Theory]
    [InlineData("rebound.example", null, "Host")]
    [InlineData("rebound.example:7410", null, "Host")]
    [InlineData("localhost.example", null, "Host")]
    [InlineData("127.0.0.1.example", null, "Host")]
    [InlineData("localhost", "http://elsewhere.example", "Origin")]
    [InlineData("localhost", "http://127.0.0.1", "Origin")]
    [InlineData("localhost:1", "http://localhost:2", "Origin")]
    [InlineData("localhost", "null", "Origin")]
    [InlineData("rebound.example.", null, "Host")]
    [InlineData("localhost.", null, null)]
    [InlineData("proxy.example.", "https://proxy.example", null)]
    [InlineData("localhost.:1", "http://localhost:1", null)]
    [InlineData("localhost", null, null)]
    [InlineData("node.localhost:7410", null, null)]
    [InlineData("10.1.2.3", null, null)]
    [InlineData("[::1]:7410", null, null)]
    [InlineData("proxy.example:443", null, null)]
    [InlineData("PROXY.example", "https://proxy.example", null)]
    [InlineData("localhost:1", "http://localhost:1", null)]
    [InlineData("localhost", "http://localhost", null)]
    public async Task A_foreign_host_or_page_is_refused_for_reads_and_writes(string host, string? origin, string? field)
    {
        foreach (var (verb, path) in new[] { (HttpMethod.Get, "/v1/status"), (HttpMethod.Post, "/v1/kv/put") })
        {
            using var message = new HttpRequestMessage(verb, path);
            message.Headers.Host = host;
            if (origin is not null)
            {
                message.Headers.Add("Origin", origin);
            }

            if (verb == HttpMethod.Post)
            {
                message.Content = JsonContent.Create(new { key = Base64("from " + host + origin), value = "" });
                message.Content.Headers.ContentType = new("application/json");
            }

            using var response = await _http!.SendAsync(message);

            if (field is null)
            {
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            }
            else
            {
                Assert.Equal((HttpStatusCode.Forbidden, "HOST_NOT_ALLOWED", "NOT_EXECUTED", field), await RefusalAsync(response));
            }
        }
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/grpc")]
    public async Task A_foreign_host_is_refused_by_a_JSON_route_for_any_content_type(string type)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "/v1/kv/put");
        message.Headers.Host = "rebound.example";
        message.Content = new ByteArrayContent(Encoding.UTF8.GetBytes($$"""{"key":"{{Base64("rebound")}}","value":"eA=="}"""));
        message.Content.Headers.ContentType = new(type);
        using var response = await _http!.SendAsync(message);
        Assert.Equal((HttpStatusCode.Forbidden, "HOST_NOT_ALLOWED", "NOT_EXECUTED", "Host"), await RefusalAsync(response));
        Assert.False((await _cluster!.Kv(0).GetAsync(new V1.GetRequest { Key = ByteString.CopyFromUtf8("rebound") })).Found);
    }

    // A proxy or a mesh sets its own name there, and a browser cannot make such a call without a preflight.
    [Fact]
    public async Task A_gRPC_call_may_name_any_authority()
    {
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(
            $"http://{_cluster!.Nodes[0]!.PublicEndPoint}", new Grpc.Net.Client.GrpcChannelOptions { HttpHandler = new NamesAuthority(new SocketsHttpHandler()) });

        var answer = await new V1.Kv.KvClient(channel).PutAsync(new V1.PutRequest { Key = ByteString.CopyFromUtf8("proxied") });

        Assert.True(answer.Applied);
    }

    private sealed class NamesAuthority(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Host = "mesh.example";
            return base.SendAsync(request, cancellationToken);
        }
    }

    private static async Task<(HttpStatusCode Status, string Reason, string Execution, string Field)> RefusalAsync(HttpResponseMessage response)
    {
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var details = body.RootElement.GetProperty("details").EnumerateArray().ToDictionary(static detail => detail.GetProperty("@type").GetString()!);
        var info = details["type.googleapis.com/google.rpc.ErrorInfo"];
        return (
            response.StatusCode, info.GetProperty("reason").GetString()!, info.GetProperty("metadata").GetProperty("execution").GetString()!,
            details["type.googleapis.com/google.rpc.BadRequest"].GetProperty("fieldViolations")[0].GetProperty("field").GetString()!);
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string call, object body)
    {
        using var response = await _http!.PostAsJsonAsync("/v1/kv/" + call, body);
        return (response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.Clone());
    }
}
