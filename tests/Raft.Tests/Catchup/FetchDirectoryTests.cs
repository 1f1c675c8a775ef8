using KvRaft.Raft.Catchup;
using KvRaft.Raft.Peers;

namespace KvRaft.Raft.Tests.Catchup;

public sealed class FetchDirectoryTests : IDisposable
{
    private const long Chunk = FetchDirectory.ChunkBytes;

    private static readonly CheckpointManifest Manifest = new("id", 1, 2, 3, [], [new("a", 20 * Chunk), new("b", 40 * Chunk), new("c", 5)]);

    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-fetch-").FullName;
    private readonly FetchDirectory _directory;

    public FetchDirectoryTests() => _directory = new FetchDirectory(Path.Combine(_root, "incoming"));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(16, 0)]
    [InlineData(17, 16)]
    [InlineData(32, 16)]
    [InlineData(33, 32)]
    [InlineData(40, 32)]
    public async Task Only_the_synced_part_of_the_last_file_counts_as_complete(int chunks, int whole)
    {
        await BeginAsync();
        Write(Manifest.Files[0], 20 * Chunk);
        Write(Manifest.Files[1], chunks * Chunk);
        Assert.Equal(20 * Chunk, _directory.WholeOf(Manifest, Manifest.Files[0]));
        Assert.Equal(whole * Chunk, _directory.WholeOf(Manifest, Manifest.Files[1]));
        Assert.Equal(0, _directory.WholeOf(Manifest, Manifest.Files[2]));
    }

    [Fact]
    public async Task A_short_file_is_incomplete_although_another_follows()
    {
        await BeginAsync();
        Write(Manifest.Files[0], 19 * Chunk);
        Write(Manifest.Files[1], 1);
        Assert.Equal(16 * Chunk, _directory.WholeOf(Manifest, Manifest.Files[0]));
    }

    [Fact]
    public async Task A_fetch_is_recorded_until_it_ends_and_a_torn_description_is_ignored()
    {
        Assert.Null(await _directory.BegunAsync(TestContext.Current.CancellationToken));
        await BeginAsync();
        var begun = await _directory.BegunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("n1", "id", 3), (begun!.From, begun.Manifest.Id, begun.Manifest.Files.Count));
        var file = Path.Combine(_root, "incoming", "manifest.json");
        await File.WriteAllBytesAsync(file, (await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken))[..10], TestContext.Current.CancellationToken);
        Assert.Null(await _directory.BegunAsync(TestContext.Current.CancellationToken));

        // As written by versions that did not store the source node.
        await File.WriteAllTextAsync(file, """{"Id":"id","Term":1,"Index":2,"ConfigurationVersion":3,"Configuration":"","Files":[]}""", TestContext.Current.CancellationToken);
        Assert.Null(await _directory.BegunAsync(TestContext.Current.CancellationToken));
        _directory.End();
        Assert.Null(await _directory.BegunAsync(TestContext.Current.CancellationToken));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private async Task BeginAsync() => await _directory.BeginAsync(new BegunFetch("n1", Manifest), TestContext.Current.CancellationToken);

    private void Write(CheckpointFile file, long length)
    {
        using var output = _directory.Open(file, 0);
        output.SetLength(length);
    }
}
