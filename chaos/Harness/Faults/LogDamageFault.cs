using System.Globalization;
using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>How the log of a killed node is damaged.</summary>
internal enum LogDamage
{
    /// <summary>The last bytes written are zeros again, as if the disk had reported them written and lost them.</summary>
    LostTail,

    /// <summary>One bit of the written bytes is flipped.</summary>
    BitFlip,
}

/// <summary>
/// The log of one killed node is damaged before the node is restarted. The node must notice, and be rebuilt from the others or refuse to start, because
/// its record of
/// its acknowledged entries and votes is not complete.
/// </summary>
internal sealed class LogDamageFault(LogDamage damage) : IFault
{
    private int _node;
    private string _done = "";

    public Task<string> PlanAsync(FaultScene scene)
    {
        _node = scene.AnyNode();
        return Task.FromResult(ChaosCluster.NameOf(_node));
    }

    public async Task InjectAsync(FaultScene scene)
    {
        await scene.Cluster.Process(_node).KillAsync();
        scene.Totals.Kills++;
        var directory = Path.Combine(scene.Cluster.DataDirectory(_node), "log");
        foreach (var segment in Directory.EnumerateFiles(directory, "*.log").OrderDescending(StringComparer.Ordinal))
        {
            var bytes = await File.ReadAllBytesAsync(segment);
            var end = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;

            // A prepared segment holds only its header, 512 bytes.
            if (end > 512)
            {
                Spoil(segment, bytes, end, scene.Random);
                return;
            }
        }

        throw new FaultException($"the log of {ChaosCluster.NameOf(_node)} is empty");
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(Evidence.Seen(_done));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public Task HealAsync(FaultScene scene) => scene.Cluster.Process(_node).StartAsync();

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);

    private void Spoil(string segment, byte[] bytes, int end, Random random)
    {
        if (damage == LogDamage.LostTail)
        {
            var lost = Math.Min(end - 512, random.Next(8, 2000));
            bytes.AsSpan(end - lost, lost).Clear();
            _done = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(segment)}: {lost} bytes before {end} are zeros");
        }
        else
        {
            var place = random.Next(512, end);
            bytes[place] ^= (byte)(1 << random.Next(8));
            _done = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(segment)}: one bit of byte {place} of {end} is another");
        }

        File.WriteAllBytes(segment, bytes);
    }
}
