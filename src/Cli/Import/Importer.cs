using KvRaft.Client;

namespace KvRaft.Cli.Import;

/// <summary>Writes records, many at a time. The client retries failed requests with the same request id, so each record is written once.</summary>
internal sealed class Importer(IKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> keyspace, AckLog? log, CliConsole console)
{
    public async Task RunAsync(
        IAsyncEnumerable<ImportRecord> records, int concurrency, ImportTally tally, CancellationToken cancellationToken)
    {
        var bounds = new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(records, bounds, async (record, token) =>
        {
            if (record.Fault is { } fault)
            {
                tally.Skip();
                await console.Error.WriteLineAsync($"kvctl: {fault}");
                return;
            }

            await PutAsync(record, tally, token);
        });
    }

    private async Task PutAsync(ImportRecord record, ImportTally tally, CancellationToken cancellationToken)
    {
        var hash = log is null ? "" : AckLine.Hash(record.Value.Span);
        var options = new KvWriteOptions
        {
            Expiry = record.ExpiresAtMs is { } end ? KvExpiry.At(DateTimeOffset.FromUnixTimeMilliseconds(end)) : KvExpiry.Default,
        };
        try
        {
            var result = await keyspace.PutAsync(record.Key, record.Value, options, cancellationToken);
            log?.Add(new AckLine(record.Key, hash, result.Version));
            tally.Acknowledge(record.Key.Length + record.Value.Length);
        }
        catch (KvException error)
        {
            if (error.Outcome == KvOutcome.Unknown)
            {
                log?.Add(new AckLine(record.Key, hash, Version: 0));
            }

            tally.Fail(error);
            await console.Error.WriteLineAsync($"kvctl: {Output.EntryText.Show(record.Key.Span)}: {error.Message}");
        }
    }
}
