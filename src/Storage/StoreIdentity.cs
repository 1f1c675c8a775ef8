using System.Globalization;
using KvRaft.Topology;

namespace KvRaft.Storage;

/// <summary>
/// The properties of a store that never change after its first start: the owner of the data in this directory, and how keys map to shards. The file is
/// written once, before anything else, and checked at every open. A node that started with the directory of another node, or
/// with another hash seed, would serve wrong data.
/// <code>
///  kvraft-store 1                 the format of this file
///  cluster-id 0192…               one "name value" per line, in this order
///  node-id n1
///  shard-count 64
///  hash-seed 0123456789abcdef
///  format-version 1
/// </code>
/// The shard count is the initial one; the shard map, not this file, records a later split.
/// </summary>
public sealed record StoreIdentity(Guid ClusterId, NodeId NodeId, int ShardCount, ulong HashSeed)
{
    /// <summary>The on-disk format that this software writes; increased when old software must not open the directory.</summary>
    public const int CurrentFormatVersion = 1;

    /// <summary>The file's name inside the data directory.</summary>
    public const string FileName = "STORE-IDENTITY";

    private const string Header = "kvraft-store 1";

    public int FormatVersion { get; init; } = CurrentFormatVersion;

    /// <summary>Ensures that <paramref name="directory"/> belongs to this store: writes the identity into an empty directory, compares it otherwise.</summary>
    /// <exception cref="StoreIdentityException">The directory belongs to another store, or holds data but no identity.</exception>
    public void ClaimOrVerify(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Directory.CreateDirectory(directory);
        if (Read(directory) is { } stored)
        {
            Verify(directory, stored);
            return;
        }

        if (Directory.EnumerateFileSystemEntries(directory).Any(entry => Path.GetFileName(entry) != FileName + DurableFile.TemporarySuffix))
        {
            throw new StoreIdentityException($"{directory} holds files but no {FileName}: it is not a store of this software, or the file was lost.");
        }

        DurableFile.WriteAllText(Path.Combine(directory, FileName), Format());
    }

    /// <summary>The identity stored in a directory; null if there is none.</summary>
    /// <exception cref="StoreIdentityException">The file is damaged.</exception>
    public static StoreIdentity? Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        return Path.Exists(path)
            ? Parse(File.ReadAllText(path)) ?? throw new StoreIdentityException($"{path} is damaged; restore it from another copy, or start with an empty data directory under a new node id.")
            : null;
    }

    private void Verify(string directory, StoreIdentity stored)
    {
        var differences = Lines().Zip(stored.Lines())
            .Where(pair => pair.First != pair.Second)
            .Select(pair => $"{pair.First.Name} is {pair.Second.Value} on disk and {pair.First.Value} in the options")
            .ToList();
        if (differences.Count > 0)
        {
            throw new StoreIdentityException($"{directory} is another store: {string.Join("; ", differences)}.");
        }
    }

    private string Format() => Header + "\n" + string.Concat(Lines().Select(line => $"{line.Name} {line.Value}\n"));

    private IReadOnlyList<(string Name, string Value)> Lines() =>
    [
        ("cluster-id", ClusterId.ToString("D")),
        ("node-id", NodeId.Value),
        ("shard-count", ShardCount.ToString(CultureInfo.InvariantCulture)),
        ("hash-seed", HashSeed.ToString("x16", CultureInfo.InvariantCulture)),
        ("format-version", FormatVersion.ToString(CultureInfo.InvariantCulture)),
    ];

    private static StoreIdentity? Parse(string text)
    {
        var lines = text.Split('\n');
        string Value(int line, string name) =>
            lines.Length > line && lines[line].StartsWith(name + " ", StringComparison.Ordinal) ? lines[line][(name.Length + 1)..] : "";

        return lines[0] == Header
            && Guid.TryParseExact(Value(1, "cluster-id"), "D", out var cluster)
            && NodeId.IsValid(Value(2, "node-id"))
            && int.TryParse(Value(3, "shard-count"), NumberStyles.None, CultureInfo.InvariantCulture, out var shards)
            && ulong.TryParse(Value(4, "hash-seed"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var seed)
            && int.TryParse(Value(5, "format-version"), NumberStyles.None, CultureInfo.InvariantCulture, out var format)
            ? new StoreIdentity(cluster, new(Value(2, "node-id")), shards, seed) { FormatVersion = format }
            : null;
    }
}

/// <summary>A data directory is not the store that the options describe. The message lists every difference.</summary>
public sealed class StoreIdentityException(string message) : Exception(message);
