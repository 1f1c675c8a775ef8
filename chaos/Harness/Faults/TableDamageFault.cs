using System.Globalization;
using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>How the stored state of one replica is damaged.</summary>
internal enum TableDamage
{
    /// <summary>One bit of a table file is flipped.</summary>
    BitFlip,

    /// <summary>A table file or the manifest is missing.</summary>
    MissingFile,
}

/// <summary>
/// The engine files of one replica of a killed node are damaged before the node is restarted: one replica of three, so a minority. The node must start,
/// notice the damage
/// (its status counts it), set the state of the replica aside and rebuild it from the others; acknowledged writes stay. The fault is healed only when the
/// damage was counted and every
/// replica of the node serves, so a run in which the damage went unnoticed is invalid.
/// </summary>
internal sealed class TableDamageFault(TableDamage damage) : IFault
{
    private int _node;
    private int _shard;
    private string _done = "";

    public Task<string> PlanAsync(FaultScene scene)
    {
        _node = scene.AnyNode();
        var replicas = Directory.GetDirectories(Path.Combine(scene.Cluster.DataDirectory(_node), "shards"), "s*-r*")
            .Select(static path => Path.GetFileName(path)).Where(static name => !name.EndsWith(".damaged", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        if (replicas.Length == 0)
        {
            throw new FaultException($"{ChaosCluster.NameOf(_node)} has no replica");
        }

        _shard = int.Parse(replicas[scene.Random.Next(replicas.Length)].Split('-')[0].AsSpan(1), CultureInfo.InvariantCulture);
        return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"{ChaosCluster.NameOf(_node)} s{_shard}"));
    }

    public async Task InjectAsync(FaultScene scene)
    {
        // Without a flush the rows are in the log alone, and there is no table to damage.
        if (await scene.Cluster.Admin(_node).FlushAsync(_shard) is null)
        {
            throw new FaultException($"{ChaosCluster.NameOf(_node)} did not flush s{_shard}");
        }

        await scene.Cluster.Process(_node).KillAsync();
        scene.Totals.Kills++;
        var shard = Directory.GetDirectories(Path.Combine(scene.Cluster.DataDirectory(_node), "shards"), $"s{_shard}-r*").Where(static path => !path.EndsWith(".damaged", StringComparison.Ordinal)).Max(StringComparer.Ordinal)!;
        var files = Directory.GetDirectories(shard, "db-*").SelectMany(static store => Directory.GetFiles(store)).ToArray();
        var tables = files.Where(static file => file.EndsWith(".sst", StringComparison.Ordinal)).OrderByDescending(static file => new FileInfo(file).Length).ToArray();
        if (tables.Length == 0)
        {
            throw new FaultException($"s{_shard} of {ChaosCluster.NameOf(_node)} has no table");
        }

        if (damage == TableDamage.BitFlip)
        {
            FlipBit(tables[0], scene.Random);
            return;
        }

        var manifest = files.Where(static file => Path.GetFileName(file).StartsWith("MANIFEST-", StringComparison.Ordinal)).Max(StringComparer.Ordinal)!;
        var gone = scene.Random.Next(2) == 0 ? manifest : tables[scene.Random.Next(tables.Length)];
        File.Delete(gone);
        _done = $"s{_shard}: {Path.GetFileName(gone)} is gone";
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(Evidence.Seen(_done));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public Task HealAsync(FaultScene scene) => scene.Cluster.Process(_node).StartAsync();

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        var statuses = await scene.Cluster.StatusesAsync();
        if (FaultScene.Serving(statuses, _node) is { Holds: false } unfit)
        {
            return unfit;
        }

        if (statuses[_node].Groups.FirstOrDefault(group => group.Shard == _shard) is not { } replica)
        {
            return Evidence.Missing($"s{_shard} of {ChaosCluster.NameOf(_node)} is closed, to be opened again");
        }

        if (replica.Rebuilds == 0)
        {
            // A block that no request reads is damaged all the same; a digest reads every block.
            await scene.Cluster.Admin(_node).DigestAsync(_shard);
            return Evidence.Missing($"the damage of s{_shard} was not noticed yet");
        }

        return replica.State == "serving"
            ? Evidence.Seen(string.Create(CultureInfo.InvariantCulture, $"s{_shard} of {ChaosCluster.NameOf(_node)} was rebuilt ({replica.Rebuilds})"))
            : Evidence.Missing($"s{_shard} of {ChaosCluster.NameOf(_node)} is {replica.State}");
    }

    private void FlipBit(string table, Random random)
    {
        var bytes = File.ReadAllBytes(table);

        // Rows come first in a table; filter, index and properties follow them.
        var place = random.Next(bytes.Length / 3);
        bytes[place] ^= (byte)(1 << random.Next(8));
        File.WriteAllBytes(table, bytes);
        _done = string.Create(CultureInfo.InvariantCulture, $"s{_shard}: one bit of byte {place} of {Path.GetFileName(table)} is another");
    }
}
