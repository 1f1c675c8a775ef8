using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace KvRaft.Storage.Engine;

/// <summary>
/// The file that makes a directory a checkpoint. It is written last, so a directory without it is the rest of a crash. It names every
/// file with its length and checksum, so a lost, truncated or changed file is found before anything is replaced.
/// <code>
///  kvraft-checkpoint 1
///  position 7 4211                               term, index
///  file 000012.sst 52428800 0f3c9a1b55aa0e77     name, bytes, XxHash3; by name
///  …
///  end 93f02b6c1d8e4a55                          XxHash3 of all lines above
/// </code>
/// </summary>
internal sealed record CheckpointManifest(LogPosition Position, IReadOnlyList<CheckpointFile> Files)
{
    /// <summary>The name of the manifest; no engine uses it.</summary>
    public const string FileName = "META";

    private const string Header = "kvraft-checkpoint 1";

    /// <summary>Fsyncs the files of a directory, measures them and writes the manifest, durably.</summary>
    /// <param name="directory">The finished copy.</param>
    /// <param name="position">The log position it holds.</param>
    /// <param name="known">Checksums measured before, by name; files in it are immutable and are not read again. Extended.</param>
    public static CheckpointManifest Write(string directory, LogPosition position, Dictionary<string, CheckpointFile> known)
    {
        var files = new List<CheckpointFile>();
        foreach (var path in Directory.GetFiles(directory).Order(StringComparer.Ordinal))
        {
            DurableFile.SyncFile(path);
            files.Add(Measure(path, known));
        }

        var manifest = new CheckpointManifest(position, files);
        DurableFile.SyncDirectory(directory);
        DurableFile.WriteAllText(Path.Combine(directory, FileName), manifest.Format());
        DurableFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory))!);
        return manifest;
    }

    /// <summary>Reads the manifest and compares every file with it.</summary>
    /// <exception cref="InvalidDataException">The directory is not a complete checkpoint; the message names the first fault.</exception>
    public static CheckpointManifest ReadAndVerify(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var manifest = File.Exists(path)
            ? Parse(File.ReadAllText(path)) ?? throw new InvalidDataException($"{path} is damaged.")
            : throw new InvalidDataException($"{directory} has no {FileName}: the checkpoint is not complete.");
        foreach (var file in manifest.Files)
        {
            file.Verify(directory);
        }

        return manifest;
    }

    private static CheckpointFile Measure(string path, Dictionary<string, CheckpointFile> known)
    {
        var name = Path.GetFileName(path);
        var immutable = name.EndsWith(".sst", StringComparison.Ordinal);
        if (immutable && known.TryGetValue(name, out var measured))
        {
            return measured;
        }

        var file = CheckpointFile.Measure(path);
        if (immutable)
        {
            known[name] = file;
        }

        return file;
    }

    private static string EndOf(string lines) =>
        string.Create(CultureInfo.InvariantCulture, $"end {XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(lines)):x16}\n");

    private string Format()
    {
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"{Header}\nposition {Position.Term} {Position.Index}\n");
        foreach (var file in Files)
        {
            text.Append(CultureInfo.InvariantCulture, $"file {file.Name} {file.Length} {file.Checksum:x16}\n");
        }

        var lines = text.ToString();
        return lines + EndOf(lines);
    }

    private static CheckpointManifest? Parse(string text)
    {
        var end = text.LastIndexOf("end ", StringComparison.Ordinal);
        if (end < 0 || text[end..] != EndOf(text[..end]))
        {
            return null;
        }

        // The checksum holds, so the content is what a writer wrote; only its format may be another.
        var lines = text[..end].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines[0] != Header)
        {
            return null;
        }

        var position = lines[1].Split(' ');
        var files = lines.Skip(2).Select(line => line.Split(' ')).Select(part => new CheckpointFile(
            part[1],
            long.Parse(part[2], CultureInfo.InvariantCulture),
            ulong.Parse(part[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)));
        return new(
            new(long.Parse(position[1], CultureInfo.InvariantCulture), long.Parse(position[2], CultureInfo.InvariantCulture)),
            [.. files]);
    }
}

/// <summary>One file of a checkpoint.</summary>
internal sealed record CheckpointFile(string Name, long Length, ulong Checksum)
{
    public static CheckpointFile Measure(string path)
    {
        using var file = File.OpenRead(path);
        var hash = new XxHash3();
        hash.Append(file);
        return new(Path.GetFileName(path), file.Length, hash.GetCurrentHashAsUInt64());
    }

    /// <exception cref="InvalidDataException">The file is missing, too short, too long, or has other bytes.</exception>
    public void Verify(string directory)
    {
        var path = Path.Combine(directory, Name);
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} is missing from the checkpoint.");
        }

        if (Measure(path) is var actual && actual != this)
        {
            throw new InvalidDataException(
                $"{path} has {actual.Length} bytes with checksum {actual.Checksum:x16}; the checkpoint says {Length} and {Checksum:x16}.");
        }
    }
}
