using Google.Protobuf;
using KvRaft.Node.KeyValue;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Node.Tests.KeyValue;

/// <summary>An ordered scan holds pages of all shards while it waits for some of them and for its reader: their age grows meanwhile, and its chunks report it.</summary>
public sealed class MergedScanAgeTests
{
    private static readonly TimeSpan FetchTakes = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ReaderTakes = TimeSpan.FromSeconds(3);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_page_that_was_fetched_before_its_reader_stalled_has_that_age()
    {
        var chunks = await WalkAsync(static shard => (Consistency.Any, 10 + shard));

        // Both first pages were fetched one after the other, and nothing was fetched while the reader stalled.
        Assert.Equal([10 + 200, 10 + 200 + 3_000], chunks.Select(static chunk => chunk.Header.StalenessMs).Order().Take(2));
    }

    [Fact]
    public async Task Linearizable_pages_have_no_age() =>
        Assert.All(await WalkAsync(static _ => (Consistency.Linearizable, 0)), static chunk => Assert.Equal(0, chunk.Header.StalenessMs));

    [Fact]
    public async Task One_page_of_unknown_age_makes_all_of_it_unknown() =>
        Assert.All(await WalkAsync(static shard => (Consistency.Any, shard == 1 ? AnswerAge.Unknown : 5)), static chunk => Assert.Equal(AnswerAge.Unknown, chunk.Header.StalenessMs));

    [Fact]
    public async Task A_leaders_page_among_others_counts_from_when_it_was_asked_for()
    {
        var chunks = await WalkAsync(static shard => shard == 0 ? (Consistency.Linearizable, 0) : (Consistency.Any, 5));

        // Shard 0 was queried 200 ms before the first chunk, shard 1 100 ms before it with a reported age of 5.
        Assert.Equal(200, chunks[0].Header.StalenessMs);
    }

    private async Task<List<ScanChunk>> WalkAsync(Func<int, (Consistency Delivered, long StalenessMs)> page)
    {
        var keyspace = new KeyspaceDescriptor { Id = KeyspaceId.Default, Name = "default" };
        var start = new ResumeToken(default, keyspace.Id, 2, new ShardId(0), null) { Ordered = true };
        var plan = new ScanPlan(keyspace, default, start, new ShardId(1)) { ChunkBytesMax = 1 << 20, RowsMax = 100, PageItemsMax = 3 };
        var chunks = new List<ScanChunk>();
        var walk = new MergedScan(plan, (place, _) => FetchAsync(place, page), place => FetchAsync(place, page), static _ => { }, _time);
        await walk.RunAsync(chunk =>
        {
            chunks.Add(chunk);
            _time.Advance(ReaderTakes);
            return Task.CompletedTask;
        });
        return chunks;
    }

    /// <summary>One page per shard, of four keys.</summary>
    private Task<ScanChunk> FetchAsync(ResumeToken place, Func<int, (Consistency Delivered, long StalenessMs)> page)
    {
        var shard = place.Shard.Value;
        var (delivered, stalenessMs) = page(shard);
        _time.Advance(FetchTakes);
        var chunk = new ScanChunk { Header = new ResponseHeader { ConsistencyDelivered = delivered, StalenessMs = stalenessMs }, Done = true };
        chunk.Items.Add(Enumerable.Range(0, 4).Select(number => new ScanChunk.Types.Item
        {
            Key = ByteString.CopyFrom((byte)((2 * number) + shard)),
            State = new ValueState { Value = ByteString.Empty, Version = 1 },
        }));
        return Task.FromResult(chunk);
    }
}
