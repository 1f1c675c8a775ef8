using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// The directory of a node is copied, while the node runs or while it is stopped. Later the node is killed and started with the older copy. The copy
/// lacks entries and votes that the node
/// acknowledged since, and no other node may rely on it: the node is refused and ends. Then it gets its last directory back.
/// </summary>
internal sealed class RolledBackFault : IFault
{
    private const string With = "an older copy of its directory";

    /// <summary>How long the node writes and acknowledges after the copy: some heartbeat intervals, in which the other nodes receive the position of its
    /// log.</summary>
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(3);

    private int _node;
    private bool _isCopiedWhileItRuns;
    private string _data = "";
    private string _older = "";
    private string _aside = "";

    public Task<string> PlanAsync(FaultScene scene)
    {
        _node = scene.AnyNode();
        _isCopiedWhileItRuns = scene.Random.Next(2) == 0;
        _data = scene.Cluster.DataDirectory(_node);
        (_older, _aside) = (_data + ".older", _data + ".aside");
        return Task.FromResult($"{ChaosCluster.NameOf(_node)}, copied while {(_isCopiedWhileItRuns ? "it runs" : "it is stopped")}");
    }

    public async Task InjectAsync(FaultScene scene)
    {
        var process = scene.Cluster.Process(_node);
        if (!_isCopiedWhileItRuns)
        {
            await process.KillAsync();
            scene.Totals.Kills++;
        }

        Copy(_data, _older);
        if (!_isCopiedWhileItRuns)
        {
            await process.StartAsync();
            if (await scene.AskAnyAsync<object>(async _ => (await scene.ServeAsync(_node)).Holds ? new object() : null, RefusedStart.Patience) is null)
            {
                throw new FaultException($"{ChaosCluster.NameOf(_node)} does not serve after its directory was copied");
            }
        }

        await Task.Delay(Later);
        await process.KillAsync();
        scene.Totals.Kills++;
        Directory.Move(_data, _aside);
        Directory.Move(_older, _data);
        await RefusedStart.AwaitAsync(scene, _node, With);
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(RefusedStart.EvidenceOf(scene, _node, With));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public async Task HealAsync(FaultScene scene)
    {
        if (Directory.Exists(_aside))
        {
            Directory.Delete(_data, recursive: true);
            Directory.Move(_aside, _data);
        }

        await scene.Cluster.Process(_node).StartAsync();
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);

    /// <summary>Like <c>cp -a</c> beside a running process: files that vanish meanwhile are not in the copy, and files that grow are truncated
    /// somewhere.</summary>
    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.GetDirectories(from))
        {
            try
            {
                Copy(directory, Path.Combine(to, Path.GetFileName(directory)));
            }
            catch (DirectoryNotFoundException)
            {
                // A checkpoint that was released.
            }
        }

        // A lock belongs to its process, not to its file.
        foreach (var file in Directory.GetFiles(from).Where(static file => Path.GetFileName(file) != "LOCK"))
        {
            try
            {
                using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using var target = File.Create(Path.Combine(to, Path.GetFileName(file)));
                source.CopyTo(target);
            }
            catch (FileNotFoundException)
            {
                // A table that was compacted away, or a log segment that was reclaimed.
            }
        }
    }
}
