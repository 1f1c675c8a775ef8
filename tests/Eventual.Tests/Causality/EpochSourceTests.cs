using KvRaft.Eventual.Causality;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Causality;

public class EpochSourceTests
{
    [Fact]
    public void Two_starts_never_have_the_same_epoch_and_later_ones_have_greater_epochs()
    {
        var (first, second) = (new EpochSource(1), new EpochSource(2));
        ulong[] given = [first.Next(), first.Next(), second.Next()];

        Assert.Equal(given.Distinct().Order(), given);
        Assert.Equal(given[^1], second.Last);
    }

    [Fact]
    public void A_start_that_was_not_recorded_has_no_epoch() => Assert.Throws<InvariantException>(() => new EpochSource(0).Next());
}
