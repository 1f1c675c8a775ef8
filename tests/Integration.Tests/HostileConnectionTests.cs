using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Attacks on the ports of real processes by a party that can reach them and has no secret.</summary>
public sealed class HostileConnectionTests
{
    private const int Descriptors = 600;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// At 285 idle connections under this limit the node had no descriptor left: the accept loop repeated at once, with 102,000 log lines in 12 s, and no other connection was
    /// accepted.
    /// </summary>
    [Fact]
    public async Task Idle_connections_exhaust_neither_descriptors_nor_the_log()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 8, descriptorsMax: Descriptors);
        await using var client = cluster.Client("n1");
        var keys = client.TextKeyspace();
        await keys.PutAsync("before", "x");
        var lines = Lines(cluster);
        var idle = new List<Socket>();
        try
        {
            foreach (var port in new[] { cluster.Endpoint("n1"), cluster.RaftEndpoint("n1") })
            {
                for (var i = 0; i < 400; i++)
                {
                    idle.Add(await ConnectAsync(port));
                }
            }

            Assert.InRange(Directory.GetFiles($"/proc/{cluster.ProcessId("n1")}/fd").Length, 1, Descriptors - 20);
            for (var i = 0; i < 200; i++)
            {
                await keys.PutAsync($"meanwhile-{i}", "x");
            }

            // A client that connects now, and other nodes, which need connections of their own after a restart.
            await using (var late = cluster.Client("n1"))
            {
                Assert.Equal("x", (await late.TextKeyspace().GetAsync("before")).Value);
            }

            cluster.Kill("n2");
            cluster.Start("n2");
            await cluster.ServesAsync("n2");
            await cluster.AllLedAsync();
            await keys.PutAsync("after", "x");
        }
        finally
        {
            idle.ForEach(static socket => socket.Dispose());
        }

        Assert.InRange(Lines(cluster) - lines, 0, 200);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_forged_packet_deposes_no_leader_even_after_restarts(bool withSecret)
    {
        // Without a secret the packet reaches the replica; with a secret it is refused before that.
        await using var cluster = await ProcessCluster.StartAsync(shards: 2, settings: withSecret ? [] : new() { ["clusterSecretFile"] = "" });
        await using var client = cluster.Client();
        await client.TextKeyspace().PutAsync("key", "value");
        var before = await TermsAsync(cluster);
        foreach (var node in cluster.Nodes)
        {
            foreach (var group in new[] { 0, 1, 2 })
            {
                await ForgeAsync(cluster, node, group);
            }
        }

        await client.TextKeyspace().PutAsync("key", "after");
        Assert.Equal(before, await TermsAsync(cluster));
        cluster.Kill([.. cluster.Nodes]);
        foreach (var node in cluster.Nodes)
        {
            cluster.Start(node);
        }

        await cluster.AllLedAsync();
        Assert.Equal("after", (await client.TextKeyspace().GetAsync("key")).Value);
        Assert.All((await TermsAsync(cluster)).Zip(before), static terms => Assert.InRange(terms.First, terms.Second, terms.Second + 100));
        Assert.All(cluster.Nodes, node => Assert.Contains(withSecret ? "requires the cluster secret" : "refused a Raft message", cluster.Log(node), StringComparison.Ordinal));
    }

    private static int Lines(ProcessCluster cluster) => cluster.Nodes.Sum(node => cluster.Log(node).Count(static character => character == '\n'));

    private static async Task<long[]> TermsAsync(ProcessCluster cluster)
    {
        var statuses = await Task.WhenAll(cluster.Nodes.Select(cluster.StatusAsync));
        return [.. statuses.OfType<StatusResponse>().SelectMany(static status => status.Groups).GroupBy(static group => group.Group).OrderBy(static group => group.Key)
            .Select(static group => group.Max(static replica => replica.Term))];
    }

    /// <summary>DotNext's AppendEntries of the highest term there is, behind a preface and a run as a node without a secret sends them.</summary>
    private static async Task ForgeAsync(ProcessCluster cluster, string node, int group)
    {
        var clusterId = new Guid((await cluster.StatusAsync(node))!.ClusterId);
        using var socket = await ConnectAsync(cluster.RaftEndpoint(node));
        var target = Encoding.ASCII.GetBytes($"kvraft://{node}/g/{group}/r/1");
        byte[] preface =
        [
            .. "KVRF"u8, 3, 1, .. clusterId.ToByteArray(), 0, .. new byte[32], 2, .. "n9"u8,
            2, .. Encoding.ASCII.GetBytes(node), (byte)target.Length, 0, .. target,
        ];
        await socket.SendAsync(preface);

        // A run that no node has seen yet: generation 1, an id, an empty log.
        await socket.SendAsync((byte[])[1, 0, 0, 0, 0, 0, 0, 0, .. Guid.NewGuid().ToByteArray(), .. new byte[8]]);
        var message = new byte[69];
        message[0] = 4;
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(29), long.MaxValue);
        try
        {
            await socket.SendAsync(message);

            // The answer to the preface, and then the end of the connection.
            while (await socket.ReceiveAsync(new byte[256]).WaitAsync(Patience) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // It ended while the packet was being sent.
        }
    }

    private static async Task<Socket> ConnectAsync(string endpoint)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(endpoint));
        return socket;
    }
}
