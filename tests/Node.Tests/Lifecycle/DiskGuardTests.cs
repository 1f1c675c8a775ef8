using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Tests.Options;
using KvRaft.Storage.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Node.Tests.Lifecycle;

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

    /// <summary>With 100 bytes buffered, a disk with 850 free has room for 750; the flush that follows does not change that.</summary>
    [Fact]
    public void Unflushed_bytes_of_the_engines_are_not_free()
    {
        var (free, unflushed) = (850L, 100L);
        using var guard = Guard(reserve: 800, () => free, () => unflushed);

        guard.Check();
        Assert.True(guard.RefusesGrowth);

        (free, unflushed) = (1000, 90);
        guard.Check();
        Assert.False(guard.RefusesGrowth);

        (free, unflushed) = (910, 0);
        guard.Check();
        Assert.False(guard.RefusesGrowth);
    }

    [Theory]
    [InlineData(199, false, true)]
    [InlineData(200, false, false)]
    [InlineData(224, true, true)]
    [InlineData(225, true, false)]
    public void An_alarm_ends_an_eighth_above_where_it_begins(long room, bool wasBelow, bool isBelow) =>
        Assert.Equal(isBelow, DiskGuard.IsBelow(room, threshold: 200, wasBelow));

    [Fact]
    public void Replicas_refuse_entries_below_a_quarter_of_the_reserve()
    {
        var free = 200L;
        var level = new DiskLevel();
        using var guard = new DiskGuard(
            SomeOptions.SingleNode() with { Limits = new Limits { DiskReserveBytes = 800 } },
            _ => free, new Engines(static () => 0), level, new NodeFailure(), TimeProvider.System, NullLogger<DiskGuard>.Instance);

        guard.Check();
        Assert.Equal((true, false), (level.RefusesGrowth, level.IsCritical));

        free = 199;
        guard.Check();
        Assert.True(level.IsCritical);
        Assert.False(guard.HasRoom);
    }

    [Fact]
    public void Reads_the_free_space_of_a_real_directory() => Assert.True(DiskGuard.FreeBytesOf(Path.GetTempPath()) > 0);

    private static DiskGuard Guard(long reserve, Func<long> free, Func<long>? unflushed = null) => new(
        SomeOptions.SingleNode() with { Limits = new Limits { DiskReserveBytes = reserve } },
        _ => free(), new Engines(unflushed ?? (static () => 0)), new DiskLevel(), new NodeFailure(), TimeProvider.System, NullLogger<DiskGuard>.Instance);

    private sealed class Engines(Func<long> unflushed) : IEngineFactory
    {
        public long UnflushedBytes => unflushed();

        public IStorageEngine Open(string directory) => throw new NotSupportedException();

        public IStorageEngine OpenJournaled(string directory) => throw new NotSupportedException();
    }
}
