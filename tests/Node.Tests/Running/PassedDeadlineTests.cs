using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using KvRaft.TestKit;
using KvRaft.V1;
using Microsoft.Extensions.Logging;

namespace KvRaft.Node.Tests.Running;

/// <summary>gRPC completes the answer of a call whose deadline passes. The node flushed it after that, which failed in each such call, with an unhandled exception in Kestrel's log.</summary>
public sealed class PassedDeadlineTests
{
    [Fact]
    public async Task A_call_whose_deadline_passes_ends_without_a_fault()
    {
        var lines = new Lines();
        await using (var cluster = await TestCluster.StartAsync(new TestClusterOptions { Nodes = 1, Shards = 1, ReplicationFactor = 1, Loggers = lines }, static own => own))
        {
            using var client = new HttpClient();
            for (var i = 0; i < 3; i++)
            {
                // A gRPC client would reset the stream at its own deadline, before the node does anything.
                using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{cluster.Nodes[0].Endpoint}/kvraft.v1.Kv/Pipe")
                {
                    Version = HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    Content = new OpenStream(new PipeRequest { Calls = { new PipeCall { Get = new GetRequest { Key = ByteString.CopyFromUtf8("k") } } } }.ToByteArray()),
                };
                request.Content.Headers.ContentType = new("application/grpc");
                request.Headers.Add("TE", "trailers");
                request.Headers.Add("grpc-timeout", "2S");
                using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

                // The node sends the status, and then resets the stream, of which the client may see either.
                await Record.ExceptionAsync(() => response.Content.CopyToAsync(Stream.Null));
            }
        }

        Assert.DoesNotContain(lines.Faults, static fault => fault.Contains("InvalidOperationException", StringComparison.Ordinal));
    }

    /// <summary>One message; the stream stays open.</summary>
    private sealed class OpenStream(byte[] message) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync((byte[])[0, 0, 0, 0, (byte)message.Length, .. message]);
            await stream.FlushAsync();
            await Task.Delay(TimeSpan.FromSeconds(30));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private sealed class Lines : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Faults { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is not null)
            {
                Faults.Enqueue($"{formatter(state, exception)}: {exception}");
            }
        }

        public void Dispose()
        {
            // Nothing to release.
        }
    }
}
