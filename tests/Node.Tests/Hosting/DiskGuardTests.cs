using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Node.Tests.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Node.Tests.Hosting;

public sealed class DiskGuardTests
{
    [Fact]
    public void Refuses_growth_below_the_reserve_and_clears_only_with_a_margin()
    {
        var free = 1_000L;
        using var guard = Guard(reserve: 800, () => free);

        guard.Check();
        Assert.False(guard.RefusesGrowth);

        free = 799;
        guard.Check();
        Assert.True(guard.RefusesGrowth);

        free = 850;
        guard.Check();
        Assert.True(guard.RefusesGrowth);

        free = 900;
        guard.Check();
        Assert.False(guard.RefusesGrowth);
    }

    [Fact]
    public void A_reserve_of_zero_never_refuses()
    {
        using var guard = Guard(reserve: 0, () => 0);

        guard.Check();

        Assert.False(guard.RefusesGrowth);
    }

    [Fact]
    public void Reads_the_free_space_of_a_real_directory() => Assert.True(DiskGuard.FreeBytesOf(Path.GetTempPath()) > 0);

    private static DiskGuard Guard(long reserve, Func<long> free) => new(
        SomeOptions.SingleNode() with { Limits = new Limits { DiskReserveBytes = reserve } },
        _ => free(), new NodeFailure(), TimeProvider.System, NullLogger<DiskGuard>.Instance);
}
