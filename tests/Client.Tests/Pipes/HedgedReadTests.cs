using KvRaft.Client.Tests.Fakes;

namespace KvRaft.Client.Tests.Pipes;

/// <summary>A read that is sent to a second node if the first is slow, and only then.</summary>
public sealed class HedgedReadTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FakeStore _store = new();
    private FakeNode[] _nodes = [];
    private KvClient _client = null!;
    private int _calls;

    public async ValueTask InitializeAsync()
    {
        _nodes = [await FakeNode.StartAsync(_store, "n1"), await FakeNode.StartAsync(_store, "n2")];
        _client = new KvClient(new KvClientOptions { Endpoints = [.. _nodes.Select(static node => node.Endpoint)], Timeout = Patience, AttemptTimeout = Patience });
        await _client.TextKeyspace().PutAsync("a", "1");
        foreach (var node in _nodes)
        {
            node.Calls.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task The_other_node_answers_for_one_that_is_silent()
    {
        Rule(call => call == 1 ? new Step.Swallow() : new Step.Answer());

        var read = await _client.TextKeyspace().GetAsync("a", new KvReadOptions { HedgeAfter = TimeSpan.FromMilliseconds(20) });

        Assert.Equal("1", read.Value);
        Assert.All(_nodes, static node => Assert.Single(node.Calls));
    }

    [Fact]
    public async Task No_second_node_receives_the_read_if_the_answer_arrives_in_time()
    {
        Rule(static _ => new Step.Answer());

        var read = await _client.TextKeyspace().GetAsync("a", new KvReadOptions { HedgeAfter = Patience });

        Assert.Equal("1", read.Value);
        Assert.Equal(1, _nodes.Sum(static node => node.Calls.Count));
    }

    [Fact]
    public async Task A_failure_of_both_is_a_failure()
    {
        Rule(static _ => new Step.Swallow());

        var error = await Assert.ThrowsAsync<KvException>(async () => await _client.TextKeyspace().GetAsync(
            "a", new KvReadOptions { HedgeAfter = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromMilliseconds(200) }));

        Assert.True(error.NoNodeAnswered);
        Assert.Equal(KvOutcome.NotApplied, error.Outcome);
    }

    private void Rule(Func<int, Step> ofCall)
    {
        foreach (var node in _nodes)
        {
            node.Rule = _ => ofCall(Interlocked.Increment(ref _calls));
        }
    }
}
