using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Net.Client;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>
/// Every attack of <c>Attacks</c>, one after the other and then all at once, against three processes with little memory. <c>KVRAFT_HOSTILE_SECONDS</c> is the
/// duration of each attack (6 by default; a full run takes 60), <c>KVRAFT_HOSTILE_ONLY</c> the name of the only one to run.
/// </summary>
public sealed class HostileSuiteTests(ITestOutputHelper output)
{
    private const string HeapLimit = "0x50000000"; // 1.25 GiB
    private const long GrowthBytesMax = 100L << 20;

    /// <summary>A lost leader is replaced within the longest election and the round that confirms the new one.</summary>
    private static readonly TimeSpan ElectionMax = TimeSpan.FromSeconds(4);

    /// <summary>Twice what the ordinary client waits for one call.</summary>
    private static readonly TimeSpan ServedMax = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(60);

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Suite", "Hostile")]
    public async Task No_client_ends_a_node_takes_a_leader_or_keeps_memory()
    {
        var seconds = int.Parse(Environment.GetEnvironmentVariable("KVRAFT_HOSTILE_SECONDS") ?? "6", CultureInfo.InvariantCulture);
        await using var cluster = await ProcessCluster.StartAsync(
            shards: 4, environment: new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = HeapLimit });
        var victim = new Victim([.. cluster.Nodes.Select(cluster.Endpoint)], [.. cluster.Nodes.Select(node => RaftEndpoint(cluster, node))]);
        await FillAsync(cluster, victim);
        var before = await MemoryAsync(cluster);

        var (longest, servedInAll) = (TimeSpan.Zero, 0L);
        await using (var ordinary = new OrdinaryClient(cluster.Client(), workers: 4))
        await using (var leaders = new LeaderWatch(cluster))
        {
            foreach (var attack in Attacks())
            {
                await RunAsync(cluster, victim, ordinary, leaders, [attack], seconds);
            }

            await RunAsync(cluster, victim, ordinary, leaders, Attacks(), seconds);
            (longest, servedInAll) = (leaders.Longest, ordinary.Served);
        }

        output.WriteLine($"without a leader for {longest.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s at most; {servedInAll} writes of the ordinary client were acknowledged and read back");
        await ShrinkAsync(cluster, before);
    }

    private static IAttack[] Attacks()
    {
        var only = Environment.GetEnvironmentVariable("KVRAFT_HOSTILE_ONLY");
        return
        [
            .. typeof(IAttack).Assembly.GetTypes()
                .Where(type => type.IsClass && type.IsAssignableTo(typeof(IAttack)) && (only is null || type.Name == only))
                .OrderBy(static type => type.Name, StringComparer.Ordinal)
                .Select(static type => (IAttack)Activator.CreateInstance(type)!),
        ];
    }

    private async Task RunAsync(
        ProcessCluster cluster, Victim victim, OrdinaryClient ordinary, LeaderWatch leaders, IReadOnlyList<IAttack> attacks, int seconds)
    {
        var name = attacks.Count == 1 ? attacks[0].GetType().Name : "all at once";
        var served = ordinary.Served;
        using (var end = new CancellationTokenSource())
        {
            var ending = EndAsync(ordinary, served, seconds, end);
            await Task.WhenAll(attacks.Select(async attack =>
            {
                try
                {
                    await attack.RunAsync(victim, end.Token);
                }
                catch (Exception error) when (error is KvException or Grpc.Core.RpcException or OperationCanceledException or IOException or InvalidOperationException or HttpRequestException)
                {
                    // The cluster withstood an attack that could not begin.
                }
            }));
            await ending;
        }

        // Checked before /proc is read: if a node has ended, that is the failure to report, not a missing file of /proc.
        cluster.AssertAlive();
        var led = await leaders.AllLedAsync();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {ordinary.Served - served} served beside it ({Waits(ordinary)}), all groups led {led.TotalSeconds:0.0} s after it, longest without a leader {leaders.Longest.TotalSeconds:0.0} s, MB {Megabytes(cluster, "VmRSS")}, peak {Megabytes(cluster, "VmHWM")}"));
        Assert.All(cluster.Nodes, node => Assert.DoesNotContain("cannot go on", cluster.Log(node), StringComparison.Ordinal));
        Assert.True(ordinary.Served > served, $"nobody else was served during {name}");
        Assert.True(ordinary.Wrong.Count == 0, $"{name}: {string.Join("; ", ordinary.Wrong.Take(5))}");
        Assert.True(leaders.Longest <= ElectionMax, $"a group had no leader for {leaders.Longest} during {name}");
    }

    /// <summary>An attack continues until the ordinary client has been served during it: on a busy machine a few seconds prove nothing.</summary>
    private static async Task EndAsync(OrdinaryClient ordinary, long served, int seconds, CancellationTokenSource end)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(seconds) || (ordinary.Served == served && clock.Elapsed < ServedMax))
        {
            await Task.Delay(100);
        }

        await end.CancelAsync();
    }

    private static async Task FillAsync(ProcessCluster cluster, Victim victim)
    {
        await using var client = cluster.Client();
        using var channel = GrpcChannel.ForAddress($"http://{victim.Endpoints[0]}");
        var keyspaces = new Keyspaces.KeyspacesClient(channel);
        await keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = Victim.Tagged, Routing = RoutingRule.Tag } });
        await keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = Victim.Eventual, Mode = KeyspaceMode.Eventual } });
        var kv = new Kv.KvClient(channel);
        for (var i = 0; i < Victim.LargeKeys; i++)
        {
            var value = new byte[Victim.ValueBytes];
            new Random(i).NextBytes(value);
            await kv.PutAsync(new PutRequest { Header = Victim.Header, Key = Victim.LargeKey(i), Value = ByteString.CopyFrom(value) });
        }

        await FillSiblingsAsync(new EventualKv.EventualKvClient(channel));

        // Code, connections and buffers of a node that was used for a moment.
        await using var ordinary = new OrdinaryClient(cluster.Client(), workers: 4);
        await Task.Delay(TimeSpan.FromSeconds(5));
    }

    /// <summary>Concurrent values of eventual keys, up to the limit of bytes of a key.</summary>
    private static async Task FillSiblingsAsync(EventualKv.EventualKvClient kv)
    {
        foreach (var key in Enumerable.Range(0, Victim.SiblingKeys))
        {
            for (var i = 0; i < Victim.SiblingsOfKey; i++)
            {
                var value = new byte[Victim.SiblingBytes];
                new Random((key * 100) + i).NextBytes(value);
                await kv.PutAsync(new EventualPutRequest
                {
                    Header = new RequestHeader { Keyspace = Victim.Eventual },
                    Key = Victim.SiblingKey(key),
                    Value = ByteString.CopyFrom(value),
                });
            }
        }
    }

    private static async Task<Dictionary<string, long>> MemoryAsync(ProcessCluster cluster)
    {
        await Task.Delay(TimeSpan.FromSeconds(1));
        cluster.AssertAlive();
        return cluster.Nodes.ToDictionary(static node => node, node => ResidentBytes(cluster.ProcessId(node)));
    }

    private async Task ShrinkAsync(ProcessCluster cluster, Dictionary<string, long> before)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            cluster.AssertAlive();
            var grown = cluster.Nodes.Select(node => ResidentBytes(cluster.ProcessId(node)) - before[node]).ToArray();
            var text = $"grown by MB {string.Join(' ', grown.Select(static bytes => bytes >> 20))} of {string.Join(' ', before.Values.Select(static bytes => bytes >> 20))} after {clock.Elapsed.TotalSeconds:0} s of idleness";
            if (grown.All(static bytes => bytes <= GrowthBytesMax))
            {
                output.WriteLine(text);
                return;
            }

            if (clock.Elapsed >= IdleMax)
            {
                foreach (var node in cluster.Nodes)
                {
                    output.WriteLine(string.Join('\n', cluster.Log(node).Split('\n').Where(static line => line.Contains("gave memory back", StringComparison.Ordinal))));
                }

                Assert.Fail(text);
            }

            await Task.Delay(500);
        }
    }

    private static string Waits(OrdinaryClient ordinary) => ordinary.TakeWaits() is { Count: > 0 } waits
        ? string.Create(CultureInfo.InvariantCulture, $"median {waits[waits.Count / 2]:0} ms, 90 % {waits[waits.Count * 9 / 10]:0}, longest {waits[^1]:0}")
        : "none";

    private static string RaftEndpoint(ProcessCluster cluster, string node)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(cluster.DataDirectory(node))!, "node.json")));
        return config.RootElement.GetProperty("nodes").EnumerateArray().Single(each => each.GetProperty("id").GetString() == node).GetProperty("raft").GetString()!;
    }

    private static string Megabytes(ProcessCluster cluster, string field) =>
        string.Join(' ', cluster.Nodes.Select(node => ProcessMemory.Bytes(cluster.ProcessId(node), field) >> 20));

    private static long ResidentBytes(int process) => ProcessMemory.Bytes(process, "VmRSS");
}
