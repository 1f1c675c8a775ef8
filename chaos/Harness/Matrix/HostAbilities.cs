using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Matrix;

/// <summary>The faults that this machine permits: for each requirement, null or the reason why not.</summary>
internal sealed record HostAbilities(string? WhyNoNetwork, string? WhyNoVolumes, string? WhyNoTracer, string? WhyNoShim, string? WhyNoLinks, string? WhyNoOtherBuild)
{
    public static async Task<HostAbilities> LookAsync(INodeHost host, NodeBuild? other, string folder)
    {
        var ledger = new Ledger(Path.Combine(folder, "probe.ledger"));
        var abilities = new HostAbilities(
            await host.WhyNoNetworkAsync(),
            await NodeVolume.WhyImpossibleAsync(folder, ledger),
            await WhyMissingAsync("strace"),
            await WhyMissingAsync("gcc"),
            TunDevice.WhyImpossible,
            other is null ? "no other build was given (--other)" : null);
        await ledger.SweepAsync();
        File.Delete(ledger.Path);
        return abilities;
    }

    /// <summary>Why a fault cannot be injected here; null if it can.</summary>
    public string? WhyNot(FaultNeeds needs)
    {
        var reasons = new[]
        {
            needs.HasFlag(FaultNeeds.Network) ? WhyNoNetwork : null,
            needs.HasFlag(FaultNeeds.Volumes) ? WhyNoVolumes : null,
            needs.HasFlag(FaultNeeds.Tracer) ? WhyNoTracer : null,
            needs.HasFlag(FaultNeeds.Shim) ? WhyNoShim : null,
            needs.HasFlag(FaultNeeds.Links) ? WhyNoLinks : null,
            needs.HasFlag(FaultNeeds.OtherBuild) ? WhyNoOtherBuild : null,
        }.OfType<string>().ToList();
        return reasons.Count == 0 ? null : string.Join("; ", reasons);
    }

    private static async Task<string?> WhyMissingAsync(string program) =>
        (await Shell.TryAsync("sh", "-c", $"command -v {program}")).ExitCode == 0 ? null : $"no {program}";
}
