using System.Diagnostics;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;

namespace KvRaft.Harness.Tests.Links;

/// <summary>Two namespaces and the real kernel between them.</summary>
public class BadLinksTests
{
    private static readonly Link There = new(0, 1);

    [Fact]
    public async Task A_lossy_link_does_not_connect_and_a_slow_one_has_the_requested_delay()
    {
        var host = new ProcessHost(inNamespaces: true);
        var why = await host.WhyNoNetworkAsync() ?? TunDevice.WhyImpossible;
        Assert.SkipWhen(why is not null, $"No network of the test's own: {why}");
        var ledger = new Ledger(Path.GetTempFileName());
        try
        {
            var network = (await host.CreateNetworkAsync($"t{Environment.ProcessId % 1000}", 2, ledger))!;
            await using var links = await BadLinks.CreateAsync(network, seed: 1);

            // The port is closed, and the kernel of the other end answers so: as fast as the link is.
            await links.SetAsync([There], new LinkQuality(TimeSpan.FromMilliseconds(300), TimeSpan.Zero, 0));
            Assert.Equal([There], await links.BadAsync());
            Assert.True(await AnswerAsync(network) >= TimeSpan.FromMilliseconds(300));
            Assert.NotEqual(0, links.Counts.Delayed);

            await links.SetAsync([There], new LinkQuality(TimeSpan.Zero, TimeSpan.Zero, 1));
            Assert.Null(await AnswerAsync(network));
            Assert.NotEqual(0, links.Counts.Lost);

            await links.MendAsync([There]);
            Assert.Empty(await links.BadAsync());
            Assert.NotNull(await AnswerAsync(network));
        }
        finally
        {
            Assert.Empty(await ledger.SweepAsync());
            File.Delete(ledger.Path);
        }
    }

    /// <summary>How long until a connection to a closed port is refused; null if it is not within two seconds.</summary>
    private static async Task<TimeSpan?> AnswerAsync(NodeNetwork network)
    {
        var clock = Stopwatch.StartNew();
        var result = await Shell.TryAsync(
            "nsenter", $"--net=/run/netns/{network.NamespaceOf(There.From)}", "timeout", "2", "bash", "-c", $"exec 3<>/dev/tcp/{network.AddressOf(There.To)}/9");
        const int TimedOut = 124;
        return result.ExitCode == TimedOut ? null : clock.Elapsed;
    }
}
