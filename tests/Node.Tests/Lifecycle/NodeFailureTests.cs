using KvRaft.Node.Lifecycle;
using KvRaft.Raft.Background;

namespace KvRaft.Node.Tests.Lifecycle;

public sealed class NodeFailureTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_loop_that_ends_by_a_bug_ends_the_node_with_a_code_of_its_own()
    {
        var failure = new NodeFailure();
        await failure.GuardAsync(LoopAsync, CancellationToken.None).WaitAsync(Patience);
        var cause = await Assert.ThrowsAsync<BackgroundFaultException>(() => failure.Happened.WaitAsync(Patience));
        Assert.Equal("the background work 'NodeFailureTests.LoopAsync' ended by an unexpected InvalidOperationException: planted", cause.Message);
        Assert.Equal(70, ExitCodes.Of(cause, hasDiskFailed: false));
        Assert.Equal(74, ExitCodes.Of(cause, hasDiskFailed: true));

        static async Task LoopAsync(CancellationToken cancellationToken)
        {
            await Task.Yield();
            throw new InvalidOperationException("planted");
        }
    }

    [Fact]
    public async Task Work_that_was_begun_and_not_awaited_ends_the_node_too()
    {
        var failure = new NodeFailure();
        failure.Begin(static () => throw new InvalidOperationException("planted"));
        await Assert.ThrowsAsync<BackgroundFaultException>(() => failure.Happened.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_loop_that_ends_the_node_on_purpose_is_not_a_bug()
    {
        var failure = new NodeFailure();
        await failure.GuardAsync(static _ => throw NodeFarewellOf("n1"), CancellationToken.None);
        var cause = await Assert.ThrowsAsync<NodeStartException>(() => failure.Happened.WaitAsync(Patience));
        Assert.Equal(1, ExitCodes.Of(cause, hasDiskFailed: false));
    }

    private static NodeStartException NodeFarewellOf(string node) => KvRaft.Node.Control.NodeFarewell.Decommissioned(new KvRaft.Topology.NodeId(node));
}
