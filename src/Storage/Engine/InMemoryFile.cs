using System.Buffers.Binary;
using System.Collections.Immutable;
using System.IO.Hashing;

namespace KvRaft.Storage.Engine;

/// <summary>The durable copy of an <see cref="InMemoryEngine"/>: count:varint, then key and value of each row, then XxHash3 of all these bytes (u64).</summary>
internal static class InMemoryFile
{
    public const string Name = "ROWS";

    public static ImmutableSortedSet<InMemoryEngine.Row> Read(string path)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        var bytes = File.ReadAllBytes(path);
        var content = bytes.AsMemory(0, Math.Max(0, bytes.Length - sizeof(ulong)));
        var reader = new ByteReader(content);
        var count = reader.VarInt(int.MaxValue);
        var rows = ImmutableSortedSet.CreateBuilder<InMemoryEngine.Row>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            rows.Add(new(reader.Bytes(int.MaxValue).ToArray(), reader.Bytes(int.MaxValue).ToArray()));
        }

        return reader.AtEnd && XxHash3.HashToUInt64(content.Span) == BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(content.Length))
            ? rows.ToImmutable()
            : throw new StorageCorruptionException($"{path} does not match its checksum.");
    }

    public static void Write(string path, ImmutableSortedSet<InMemoryEngine.Row> rows)
    {
        var writer = new ByteWriter();
        writer.VarUInt((ulong)rows.Count);
        foreach (var row in rows)
        {
            writer.Bytes(row.Key);
            writer.Bytes(row.Value);
        }

        writer.UInt64(XxHash3.HashToUInt64(writer.Written));
        DurableFile.WriteAllBytes(path, writer.Written);
    }
}

/// <summary>Opens <see cref="InMemoryEngine"/>s, for tests and simulations.</summary>
public sealed class InMemoryEngines : IEngineFactory
{
    public IStorageEngine Open(string directory) => new InMemoryEngine(directory);

    /// <inheritdoc/>
    public IStorageEngine OpenJournaled(string directory) => new InMemoryEngine(directory);
}
