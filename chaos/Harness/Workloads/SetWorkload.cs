using System.Globalization;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// A set that only grows, stored as one key per element and read by a scan over all shards. A scan is not atomic across shards, but each
/// element acknowledged before it began must be in it.
/// <para>
/// Now and then a worker deletes a range behind the set, with a resume token of a range before it. The store must refuse the token; a store that accepts it
/// deletes the set. These requests are not recorded, because a refusal contains nothing about the set.
/// </para>
/// </summary>
internal sealed class SetWorkload : IWorkload
{
    private const string Prefix = "set/";
    private const string Before = "a/";
    private const string Behind = "z/";

    /// <summary>Enough that the first shard holds several of them, so that a token contains a key.</summary>
    private const int KeysBefore = 64;

    public string Name => "set";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>();

    public async Task PrepareAsync(IKvClient client) => await client.TextKeyspace().MultiSetAsync(
        [.. Enumerable.Range(0, KeysBefore).Select(static i => new KvMultiSetItem<string, string> { Key = string.Create(CultureInfo.InvariantCulture, $"{Before}{i:d2}"), Value = "v" })]);

    // Reads get more expensive as the set grows: one in fifty keeps them a small part of the work.
    public Task StepAsync(Worker worker) => worker.Random.Next(50) switch
    {
        0 => ReadAsync(worker),
        1 => DeleteBehindAsync(worker),
        _ => AddAsync(worker),
    };

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

    private static async Task DeleteBehindAsync(Worker worker)
    {
        if (worker.Raw is not { } kv)
        {
            return;
        }

        try
        {
            var deadline = DateTime.UtcNow.AddSeconds(2);
            using var scan = kv.Scan(new ScanRequest { Prefix = ByteString.CopyFromUtf8(Before), Limit = 1, KeysOnly = true }, deadline: deadline);
            if (await scan.ResponseStream.MoveNext(CancellationToken.None))
            {
                await kv.DeleteRangeAsync(
                    new DeleteRangeRequest { Prefix = ByteString.CopyFromUtf8(Behind), ResumeToken = scan.ResponseStream.Current.ResumeToken }, deadline: deadline);
            }
        }
        catch (RpcException)
        {
            // Refused, or a fault: in either case the set shows whether anything was deleted.
        }
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
