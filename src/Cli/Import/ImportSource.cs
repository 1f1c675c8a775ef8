using System.Runtime.CompilerServices;

namespace KvRaft.Cli.Import;

internal enum ImportFormat
{
    Deb822,
    Jsonl,
}

/// <summary>The files of an import, in order; <c>-</c> is standard input.</summary>
internal static class ImportSource
{
    /// <summary>The requested format, or the format that the file name implies.</summary>
    public static ImportFormat FormatOf(string file, ImportFormat? asked) =>
        asked ?? (Path.GetExtension(file) is ".jsonl" or ".ndjson" or ".json" ? ImportFormat.Jsonl : ImportFormat.Deb822);

    public static async IAsyncEnumerable<ImportRecord> ReadAsync(
        IEnumerable<string> files, ImportFormat? format, CliConsole console, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var file in files)
        {
            await using var opened = file == "-" ? null : new FileStream(
                file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 * 1024, useAsync: true);
            var source = opened ?? console.Input;
            var records = FormatOf(file, format) == ImportFormat.Jsonl
                ? JsonLinesReader.ReadAsync(source, cancellationToken)
                : Deb822Reader.ReadAsync(source, cancellationToken);
            await foreach (var record in records)
            {
                yield return record.Fault is { } fault ? record with { Fault = $"{file}:{record.Line}: {fault}" } : record;
            }
        }
    }
}
