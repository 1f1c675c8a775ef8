using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Import;

/// <summary>Reads every expected key and compares the values.</summary>
internal sealed class Verifier(IKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> keyspace, CliConsole console)
{
    private long _same;
    private long _missing;
    private long _different;
    private long _unread;

    public bool AllSame => Interlocked.Read(ref _missing) + Interlocked.Read(ref _different) + Interlocked.Read(ref _unread) == 0;

    public bool FoundProblems => Interlocked.Read(ref _missing) + Interlocked.Read(ref _different) > 0;

    public string Text => string.Create(
        CultureInfo.InvariantCulture,
        $"same {Interlocked.Read(ref _same)}, missing {Interlocked.Read(ref _missing)}, different {Interlocked.Read(ref _different)}, unread {Interlocked.Read(ref _unread)}");

    public object?[] Row(string endpoint) =>
        [endpoint, Interlocked.Read(ref _same), Interlocked.Read(ref _missing), Interlocked.Read(ref _different), Interlocked.Read(ref _unread)];

    public async Task RunAsync(Expectations expectations, int concurrency, CancellationToken cancellationToken)
    {
        var bounds = new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(expectations.Keys, bounds, async (expected, token) => await CheckAsync(expected, token));
    }

    private async Task CheckAsync(Expected expected, CancellationToken cancellationToken)
    {
        try
        {
            var result = await keyspace.GetAsync(expected.Key, cancellationToken: cancellationToken);
            if (!result.Found)
            {
                Interlocked.Increment(ref _missing);
                await TellAsync(expected, "is missing");
            }
            else if (!expected.Allows(AckLine.Hash(result.Value.Span)))
            {
                Interlocked.Increment(ref _different);
                await TellAsync(expected, "is different");
            }
            else
            {
                Interlocked.Increment(ref _same);
            }
        }
        catch (KvException error)
        {
            Interlocked.Increment(ref _unread);
            await TellAsync(expected, "could not be read: " + error.Message);
        }
    }

    private Task TellAsync(Expected expected, string what) =>
        console.Error.WriteLineAsync($"kvctl: {EntryText.Show(expected.Key.Span)} {what}");
}
