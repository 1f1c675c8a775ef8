using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.KeyValue;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Requests;
using KvRaft.Node.Tests.Options;
using KvRaft.V1;
using Microsoft.Extensions.Logging.Abstractions;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Requests;

/// <summary>A pipe whose answers are not read, on a node that is full: the node counts none of the calls that it refuses, so their answers had no limit but that of each pipe, 4,096.</summary>
public sealed class PipeRefusalTests
{
    [Fact]
    public async Task Unread_refusals_stop_the_pipe_and_count_as_answers()
    {
        var options = SomeOptions.SingleNode() with { Limits = new Limits { RequestsInHandMax = 1, AnswerBytesInHandMax = 16 << 20 } };
        var admission = new Admission(options, TimeProvider.System);
        Assert.Null(admission.TryEnter(1, 1, Deadline.After(TimeSpan.FromMinutes(1), TimeProvider.System)));
        var sends = new AnswerSends(options, new NodeFailure(), TimeProvider.System, NullLogger<AnswerSends>.Instance);
        var budget = new AnswerBudget(options, sends);
        using var window = new AnswerWindow(new AnswerShare(budget), 8 << 20, WindowFull.Wait, 8192);
        var (requests, responses) = (new Requests(), new Responses());
        var session = new PipeSession(null!, admission, window, sends, options.Limits, responses, TimeProvider.System);

        var running = session.RunAsync(requests, CancellationToken.None);
        await responses.Blocked.WaitAsync(TimeSpan.FromSeconds(30));

        // The reader is at its limit when it has waited: it runs on its own, so the test waits until it makes no progress.
        for (var last = -1; last != requests.Read; await Task.Delay(200))
        {
            last = requests.Read;
        }

        Assert.InRange(requests.Read, 1, 200);
        Assert.InRange(budget.Bytes, 64, 64 << 10);

        // A client that reads gets one answer for each call.
        responses.Release();
        await running.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(Requests.Count, responses.Answers.Count);
        Assert.All(responses.Answers, static answer => Assert.Equal(ErrorReasons.Overloaded, answer.Error.Reason));
        Assert.Equal(Enumerable.Range(0, Requests.Count).Select(static i => (long)i), responses.Answers.Select(static answer => answer.CorrelationId));
        Assert.Equal(0, budget.Bytes);
    }

    [Fact]
    public void A_call_counts_with_all_its_bytes()
    {
        var call = new PipeCall { Get = new GetRequest { Key = ByteString.CopyFromUtf8("k"), Header = new RequestHeader { Keyspace = new string('n', 4_000_000) } } };

        Assert.InRange(SingleKeyOperations.WireBytes(call), 4_000_000, 4_000_100);
    }

    private sealed class Requests : IAsyncStreamReader<PipeRequest>
    {
        public const int Count = 3000;

        private int _read;

        public int Read => Volatile.Read(ref _read);

        public PipeRequest Current { get; private set; } = new();

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            Current = new PipeRequest { Calls = { new PipeCall { CorrelationId = _read, Get = new GetRequest { Key = ByteString.CopyFromUtf8("k") } } } };
            return Task.FromResult(_read < Count && Interlocked.Increment(ref _read) <= Count);
        }
    }

    private sealed class Responses : IServerStreamWriter<PipeResponse>
    {
        private readonly TaskCompletionSource _blocked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Blocked => _blocked.Task;

        public List<PipeAnswer> Answers { get; } = [];

        public Grpc.Core.WriteOptions? WriteOptions { get; set; }

        public async Task WriteAsync(PipeResponse message)
        {
            _blocked.TrySetResult();
            await _released.Task;
            Answers.AddRange(message.Answers);
        }

        public void Release() => _released.SetResult();
    }
}
