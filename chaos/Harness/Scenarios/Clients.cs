using Grpc.Net.Client;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Workloads;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// The logical clients of a run. Every other one knows the whole cluster and finds leaders itself, as users do; the others ask one node
/// and no other, for only so is a node asked that is cut off and does not know it.
/// </summary>
internal sealed class Clients : IAsyncDisposable
{
    private readonly List<KvClient> _clients = [];
    private readonly List<GrpcChannel> _channels = [];

    public Clients(ChaosCluster cluster, Recorder recorder, RunOptions options)
    {
        var all = string.Join(',', cluster.Endpoints);

        // One more than the workers: whoever reads back at the end.
        var count = options.Workers + 1;
        for (var number = 0; number < count; number++)
        {
            var pinned = number % 2 == 1 && number < options.Workers;
            var node = (number / 2) % cluster.Plan.Nodes;
            var (where, name) = pinned ? ($"{cluster.Endpoints[node]}/default?routing=endpoints", ChaosCluster.NameOf(node)) : ($"{all}/default", "any");
            var client = KvClient.Connect(KvClientOptions.Parse($"kvraft://{where}") with { RandomSeed = options.Seed + number });
            _clients.Add(client);
            var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoints[node]}");
            _channels.Add(channel);
            Workers.Add(new Worker(number, count, unchecked((options.Seed * 7919) + number), client, name, recorder, new Kv.KvClient(channel)));
        }
    }

    public List<Worker> Workers { get; } = [];

    public Worker Reader => Workers[^1];

    /// <summary>Runs all but the reader until the end.</summary>
    public Task RunAsync(IWorkload workload, TimeSpan pauseMax, CancellationToken end) =>
        Task.WhenAll(Workers[..^1].Select(worker => Task.Run(() => LoopAsync(worker, workload, pauseMax, end), CancellationToken.None)));

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        _channels.ForEach(static channel => channel.Dispose());
    }

    private static async Task LoopAsync(Worker worker, IWorkload workload, TimeSpan pauseMax, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await workload.StepAsync(worker);

            // Whoever got no answer asks more slowly, or a dead node would fill the history with its refusals.
            var slow = TimeSpan.FromMilliseconds(Math.Min(500, 50 * worker.Unanswered));
            await Task.Delay((worker.Random.NextDouble() * pauseMax) + slow, CancellationToken.None);
        }
    }
}
