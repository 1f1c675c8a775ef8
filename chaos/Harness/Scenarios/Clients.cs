using System.Diagnostics;
using Grpc.Net.Client;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Workloads;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// The logical clients of a run. Every other one has the endpoints of the whole cluster and finds leaders itself, as applications do. The others use one node
/// only, because only so does a request reach a node that is cut off without having noticed it. Each client is replaced by a new one every few seconds: a
/// writer that begins during
/// a fault, or after it, must be able to write as well as one that the store has a session of.
/// </summary>
internal sealed class Clients : IAsyncDisposable
{
    /// <summary>The lifetime of a client. Several are replaced during each fault, and within the second after the last one.</summary>
    private static readonly TimeSpan LifeMin = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LifeMax = TimeSpan.FromSeconds(8);

    /// <summary>The error of the wall clocks of two of the clients, one slow and one fast. It is more than the time after which a shard discards an idle
    /// writer.</summary>
    private static readonly TimeSpan ClockError = TimeSpan.FromMinutes(30);

    private readonly ChaosCluster _cluster;
    private readonly RunOptions _options;
    private readonly KvClient[] _clients;
    private readonly List<GrpcChannel> _channels = [];

    public Clients(ChaosCluster cluster, Recorder recorder, RunOptions options)
    {
        (_cluster, _options) = (cluster, options);

        // One more than the workers: the client of the final reads.
        _clients = new KvClient[options.Workers + 1];
        for (var number = 0; number < _clients.Length; number++)
        {
            var client = _clients[number] = Connect(number, options.Seed + number);
            var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoints[NodeOf(number)]}");
            _channels.Add(channel);
            var name = IsPinned(number) ? ChaosCluster.NameOf(NodeOf(number)) : "any";
            Workers.Add(new Worker(number, _clients.Length, unchecked((options.Seed * 7919) + number), client, name, recorder, new Kv.KvClient(channel)));
        }
    }

    public List<Worker> Workers { get; } = [];

    public Worker Reader => Workers[^1];

    /// <summary>Runs all clients except the reader until the end.</summary>
    public Task RunAsync(IWorkload workload, CancellationToken end) =>
        Task.WhenAll(Workers[..^1].Select(worker => Task.Run(() => LoopAsync(worker, workload, end), CancellationToken.None)));

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        _channels.ForEach(static channel => channel.Dispose());
    }

    private bool IsPinned(int number) => number % 2 == 1 && number < _options.Workers;

    private int NodeOf(int number) => (number / 2) % _cluster.Plan.Nodes;

    private KvClient Connect(int number, int seed)
    {
        var where = IsPinned(number) ? $"{_cluster.Endpoints[NodeOf(number)]}/default?routing=endpoints" : $"{string.Join(',', _cluster.Endpoints)}/default";
        return KvClient.Connect(KvClientOptions.Parse($"kvraft://{where}") with
        {
            RandomSeed = seed,
            TimeProvider = number switch
            {
                _ when _cluster.Clocks is null => TimeProvider.System,
                0 => new WrongClock(-ClockError),
                2 => new WrongClock(ClockError),
                _ => TimeProvider.System,
            },
        });
    }

    private async Task LoopAsync(Worker worker, IWorkload workload, CancellationToken end)
    {
        var (clock, life) = (Stopwatch.StartNew(), Life(worker));
        while (!end.IsCancellationRequested)
        {
            await workload.StepAsync(worker);

            // A client without an answer slows down, or a node that is down would fill the history with failures.
            var slow = TimeSpan.FromMilliseconds(Math.Min(500, 50 * worker.Unanswered));
            await Task.Delay((worker.Random.NextDouble() * _options.PauseMax) + slow, CancellationToken.None);
            if (clock.Elapsed > life)
            {
                await ReplaceAsync(worker);
                (clock, life) = (Stopwatch.StartNew(), Life(worker));
            }
        }
    }

    private async Task ReplaceAsync(Worker worker)
    {
        var old = _clients[worker.Number];
        var client = _clients[worker.Number] = Connect(worker.Number, worker.Random.Next());
        worker.Renew(client);
        await old.DisposeAsync();
    }

    private static TimeSpan Life(Worker worker) => LifeMin + (worker.Random.NextDouble() * (LifeMax - LifeMin));

    /// <summary>A wall clock with a constant error.</summary>
    private sealed class WrongClock(TimeSpan error) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + error;
    }
}
