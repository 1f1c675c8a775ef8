using System.Globalization;
using System.Text;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// A set that only grows, kept as one key per element and read by a scan over all shards. A scan is not atomic across shards, but each
/// element known before it began must be in it.
/// </summary>
internal sealed class SetWorkload : IWorkload
{
    private const string Prefix = "set/";

    public string Name => "set";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>();

    public Task PrepareAsync(IKvClient client) => Task.CompletedTask;

    // Reads get dearer as the set grows: one in fifty keeps them a small part of the work.
    public Task StepAsync(Worker worker) => worker.Random.Next(50) == 0 ? ReadAsync(worker) : AddAsync(worker);

    public Task ReadBackAsync(Worker worker, CancellationToken cancel) => ReadBack.UntilAnsweredAsync(() => ReadAsync(worker), cancel);

    private static Task AddAsync(Worker worker)
    {
        var element = worker.UniqueNumber().ToString(CultureInfo.InvariantCulture);
        return worker.DoAsync(new Call(Functions.Add) { Value = HistoryValue.Json(element) }, async () =>
        {
            var write = await worker.Client.TextKeyspace().PutAsync(Prefix + element, element);
            return Answer.Ok(revision: write.Version);
        });
    }

    private static Task<Answer> ReadAsync(Worker worker) =>
        worker.DoAsync(new Call(Functions.Read) { IsRead = true }, async () =>
        {
            var elements = new List<string>();
            await foreach (var pair in worker.Client.TextKeyspace().ScanAsync(new KvScanOptions { Prefix = Encoding.UTF8.GetBytes(Prefix) }))
            {
                elements.Add(pair.Value);
            }

            return Answer.Ok(HistoryValue.Json($"[{string.Join(',', elements)}]"));
        });
}
