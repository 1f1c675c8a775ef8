using KvRaft.Node.Requests;

namespace KvRaft.Node.Tests.Requests;

public sealed class InFlightGateTests
{
    [Fact]
    public async Task Holds_the_reader_until_a_call_leaves()
    {
        var gate = new InFlightGate(callsMax: 2, bytesMax: 100);
        await gate.EnterAsync(1);
        await gate.EnterAsync(1);
        var third = gate.EnterAsync(1).AsTask();

        Assert.False(third.IsCompleted);
        gate.Leave(1, 1);
        await third;
        Assert.Equal(2, gate.Calls);
    }

    [Fact]
    public async Task Counts_bytes_and_lets_a_call_larger_than_the_bound_in_alone()
    {
        var gate = new InFlightGate(callsMax: 10, bytesMax: 100);
        await gate.EnterAsync(90);
        var large = gate.EnterAsync(500).AsTask();

        Assert.False(large.IsCompleted);
        gate.Leave(1, 90);
        await large;
        Assert.False(gate.EnterAsync(1).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Drains_when_the_last_call_leaves()
    {
        var gate = new InFlightGate(10, 100);
        await gate.DrainAsync();
        await gate.EnterAsync(1);
        await gate.EnterAsync(1);
        var drained = gate.DrainAsync();

        gate.Leave(1, 1);
        Assert.False(drained.IsCompleted);
        gate.Leave(1, 1);
        await drained;
    }
}
