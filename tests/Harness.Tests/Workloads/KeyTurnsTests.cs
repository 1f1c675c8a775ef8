using KvRaft.Chaos.Workloads;

namespace KvRaft.Harness.Tests.Workloads;

public class KeyTurnsTests
{
    [Fact]
    public void A_key_is_used_a_limited_number_of_times_and_never_again()
    {
        var keys = new KeyTurns("k", slots: 1, operationsPerKey: 2);
        Assert.Equal(["k0.0", "k0.0", "k0.1", "k0.1", "k0.2"], Enumerable.Range(0, 5).Select(_ => keys.Next(0)));
        Assert.Equal(["k0.0", "k0.1", "k0.2"], keys.All);
    }
}
