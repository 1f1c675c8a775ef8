using System.Text;
using CsCheck;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>Pages of a range: bounded, in order, and together exactly the range.</summary>
public sealed class ScanTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Replica _shard;

    public ScanTests() => _shard = new(_directory["shard"], Engines.Shared);

    public void Dispose()
    {
        _shard.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Pages_put_together_are_the_range_in_either_direction()
    {
        // Every third key has expired, so pages also end on rows that no reader sees.
        var keys = Enumerable.Range(0, 60).Select(i => $"k{i:d2}").ToList();
        _shard.Apply([.. keys.Select((key, i) => (ShardCommand)Put(key, key, i % 3 == 0 ? 1_500 : 0))]);
        _shard.Apply(new PutCommand(new(6), Bytes("k10"), Bytes("below")), new PutCommand(new(8), Bytes("k10"), Bytes("above")));
        _shard.NowMs = 1_500;
        _shard.Apply(new TickCommand(0));
        var alive = keys.Where((_, i) => i % 3 != 0).ToList();

        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 61], Gen.Int[1, 9], Gen.Int[1, 20], Gen.Bool, Gen.Bool).Sample(
            (from, to, items, bytes, reverse, keysOnly) =>
            {
                var request = new ScanRequest(Space, Bytes($"k{from:d2}"), to == 61 ? default : Bytes($"k{to:d2}"))
                {
                    ItemsMax = items,
                    BytesMax = bytes,
                    Reverse = reverse,
                    KeysOnly = keysOnly,
                };
                var expected = alive.Where(key =>
                    string.CompareOrdinal(key, $"k{from:d2}") >= 0 && (to == 61 || string.CompareOrdinal(key, $"k{to:d2}") < 0));
                Assert.Equal(reverse ? expected.Reverse() : expected, ReadAll(request));
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public void A_page_full_of_expired_keys_is_empty_and_goes_on()
    {
        _shard.Apply([.. Enumerable.Range(0, 30).Select(i => (ShardCommand)Put($"k{i:d2}", "v", 1_500))]);
        _shard.Apply(Put("last", "v"));
        _shard.NowMs = 1_500;
        _shard.Apply(new TickCommand(0));

        var page = _shard.Machine.Scan(new(Space, default, default) { ItemsMax = 1, RowsMax = 8 });

        Assert.Empty(page.Items);
        Assert.Equal("k08", Encoding.UTF8.GetString(page.ResumeKey!.Value.Span));
        Assert.Equal((_shard.Machine.Revision, 1_500), (page.Revision, page.Clock));
    }

    [Fact]
    public void A_prefix_is_a_range_also_at_the_end_of_all_bytes()
    {
        foreach (var key in new byte[][] { [1], [1, 0], [1, 255], [1, 255, 255], [2], [255], [255, 255, 1] })
        {
            _shard.Apply(new PutCommand(Space, key, Bytes("v")));
        }

        Assert.Equal(4, _shard.Machine.Scan(ScanRequest.OfPrefix(Space, new byte[] { 1 })).Items.Count);
        Assert.Equal(2, _shard.Machine.Scan(ScanRequest.OfPrefix(Space, new byte[] { 1, 255 })).Items.Count);
        Assert.Equal(2, _shard.Machine.Scan(ScanRequest.OfPrefix(Space, new byte[] { 255 })).Items.Count);
        Assert.Equal(7, _shard.Machine.Scan(ScanRequest.OfPrefix(Space, default)).Items.Count);
    }

    private List<string> ReadAll(ScanRequest request)
    {
        var seen = new List<string>();
        while (true)
        {
            var page = _shard.Machine.Scan(request);
            Assert.True(page.Items.Count <= request.ItemsMax);
            Assert.All(page.Items, item => Assert.Equal(request.KeysOnly, item.Value.Value.IsEmpty));
            seen.AddRange(page.Items.Select(item => Encoding.UTF8.GetString(item.Key.Span)));
            if (page.ResumeKey is not { } resume)
            {
                return seen;
            }

            request = request.Reverse ? request with { To = resume } : request with { From = resume };
        }
    }
}
