using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.Integration.Tests.Proxies;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Between 64 clients and three nodes stand proxies that send every request twice, lose every fifth answer and end connections at
/// random, while the leaders are killed. Each counter must end at exactly the number of acknowledged increments, and no repetition may have
/// received anything but the original answer.
/// </summary>
public sealed class ExactlyOnceTests(ITestOutputHelper output)
{
    private const int Shards = 4;
    private const int Clients = 64;
    private const int Counters = 16;

    [Fact]
    public Task Two_thousand_increments_through_an_unreliable_network_add_up_while_leaders_are_killed() => RunAsync(2_000, kills: 2);

    [Fact]
    [Trait("Category", "Long")]
    public Task A_hundred_thousand_increments_through_an_unreliable_network_add_up_while_leaders_are_killed() => RunAsync(100_000, kills: 12);

    private async Task RunAsync(int increments, int kills)
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        var ledger = new AnswerLedger();
        var tally = new Tally();
        await RunClientsAsync(cluster, ledger, tally, increments, kills);

        await using var reader = cluster.Client();
        var keyspace = reader.TextKeyspace();
        foreach (var counter in Enumerable.Range(0, Counters))
        {
            var read = await keyspace.GetAsync(KeyOf(counter));
            Assert.Equal(tally.Acknowledged[counter].ToString(CultureInfo.InvariantCulture), read.ValueOrDefault ?? "0");
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{tally.Acknowledged.Sum()} acknowledged, {tally.Resolved} unknown and resolved, {ledger.Repeated} repeated answers, {ledger.Violations.Count} violations"));
        Assert.Empty(ledger.Violations);
        Assert.True(ledger.Repeated >= increments / 2, "the proxies did not repeat what they should have");
    }

    private static async Task RunClientsAsync(ProcessCluster cluster, AnswerLedger ledger, Tally tally, int increments, int kills)
    {
        var proxies = new List<UnreliableProxy>();
        var clients = new List<KvClient>();
        try
        {
            foreach (var node in cluster.Nodes)
            {
                proxies.Add(await UnreliableProxy.StartAsync(cluster.Endpoint(node), seed: proxies.Count, ledger));
            }

            for (var i = 0; i < Clients; i++)
            {
                clients.Add(KvClient.Connect(cluster.Options() with
                {
                    Endpoints = [.. proxies.Select(proxy => proxy.Endpoint)],

                    // Direct routing would bypass the proxies.
                    Routing = KvRouting.Endpoints,
                    Transport = i % 2 == 0 ? KvTransport.Pipe : KvTransport.Unary,

                    // Shorter than an election on a busy machine, so that some outcomes stay unknown and have to be queried.
                    Timeout = TimeSpan.FromSeconds(3),
                    AttemptTimeout = TimeSpan.FromMilliseconds(250),
                    RandomSeed = i,
                }));
            }

            var work = Task.WhenAll(clients.Select(client => Task.Run(() => IncrementAsync(client, tally, increments))));
            var killing = new LeaderKiller(cluster, Shards).FollowAsync(kills, () => (double)tally.Issued / increments, work);
            await ResolveAsync(cluster, tally, work);
            await work;
            await killing;
        }
        finally
        {
            foreach (var client in clients)
            {
                await client.DisposeAsync();
            }

            foreach (var proxy in proxies)
            {
                await proxy.DisposeAsync();
            }
        }
    }

    private static async Task IncrementAsync(KvClient client, Tally tally, int increments)
    {
        var keyspace = client.TextKeyspace();
        while (tally.Next() is var ticket && ticket < increments)
        {
            var counter = ticket % Counters;
            try
            {
                await keyspace.IncrementAsync(KeyOf(counter));
                Interlocked.Increment(ref tally.Acknowledged[counter]);
            }
            catch (KvException error) when (error.Outcome == KvOutcome.Unknown)
            {
                tally.Unknown.Enqueue((counter, error.RequestId!.Value));
            }
            catch (KvException error) when (error.IsTransient)
            {
                // Certainly not applied: not counted.
            }
        }
    }

    /// <summary>
    /// Queries the outcome of each write with an unknown outcome, then sends it once more under its name: that decides it, and must
    /// agree with the earlier answer. It runs while the others continue: shards keep a session for ten minutes after its last write, and on a busy
    /// machine the whole takes longer.
    /// </summary>
    private static async Task ResolveAsync(ProcessCluster cluster, Tally tally, Task work)
    {
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        var channels = cluster.Nodes.Select(name => GrpcChannel.ForAddress($"http://{cluster.Endpoint(name)}")).ToArray();
        while (!work.IsCompleted || !tally.Unknown.IsEmpty)
        {
            if (!tally.Unknown.TryDequeue(out var open))
            {
                await Task.WhenAny(work, Task.Delay(100));
                continue;
            }

            var (counter, id) = open;
            var said = await keyspace.GetRequestResultAsync(KeyOf(counter), id);
            Assert.True(said.State is KvRequestState.Applied or KvRequestState.NotSeen, $"{id} is {said.State} although it was not acknowledged.");
            var answer = await SettleAsync(channels, counter, id);
            if (said.State == KvRequestState.Applied)
            {
                Assert.True(answer.Header.Deduplicated, $"{id} was applied, and applied again.");
                Assert.Equal(said.Version, answer.Version);
            }

            Interlocked.Increment(ref tally.Acknowledged[counter]);
            Interlocked.Increment(ref tally.Resolved);
        }

        foreach (var channel in channels)
        {
            channel.Dispose();
        }
    }

    /// <summary>Sends a write again under its name, to one node after the other, until one answers: nodes are killed meanwhile.</summary>
    private static async Task<IncrementResponse> SettleAsync(GrpcChannel[] channels, int counter, KvRequestId id)
    {
        for (var turn = 0; ; turn++)
        {
            try
            {
                return await new Kv.KvClient(channels[turn % channels.Length]).IncrementAsync(new IncrementRequest
                {
                    Header = new RequestHeader { Identity = IdentityOf(id), TimeoutMs = 30_000 },
                    Key = ByteString.CopyFromUtf8(KeyOf(counter)),
                    Delta = 1,
                });
            }
            catch (RpcException error) when (turn < 200 && error.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted)
            {
                await Task.Delay(100);
            }
        }
    }

    private static RequestIdentity IdentityOf(KvRequestId id) => new()
    {
        ClientId = ByteString.CopyFrom(id.ClientId.ToByteArray(bigEndian: true)),
        Sequence = id.Sequence,
        FirstUnacked = 1,
    };

    private static string KeyOf(int counter) => string.Create(CultureInfo.InvariantCulture, $"counter-{counter}");

    private sealed class Tally
    {
        private int _issued = -1;

        public int Resolved;

        public long[] Acknowledged { get; } = new long[Counters];

        public ConcurrentQueue<(int Counter, KvRequestId Id)> Unknown { get; } = new();

        public int Issued => Volatile.Read(ref _issued);

        public int Next() => Interlocked.Increment(ref _issued);
    }
}
