using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Import;

/// <summary>Counts the results of the records. Thread-safe.</summary>
internal sealed class ImportTally
{
    private long _acknowledged;
    private long _failed;
    private long _unknown;
    private long _malformed;
    private long _bytes;
    private KvException? _firstError;

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long Failed => Interlocked.Read(ref _failed);

    public long Unknown => Interlocked.Read(ref _unknown);

    public long Malformed => Interlocked.Read(ref _malformed);

    public void Acknowledge(int bytes)
    {
        Interlocked.Increment(ref _acknowledged);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Fail(KvException error)
    {
        Interlocked.CompareExchange(ref _firstError, error, null);
        Interlocked.Increment(ref error.Outcome == KvOutcome.Unknown ? ref _unknown : ref _failed);
    }

    public void Skip() => Interlocked.Increment(ref _malformed);

    public int ExitCode =>
        Failed + Unknown + Malformed == 0 ? ExitCodes.Ok
        : Acknowledged > 0 ? ExitCodes.Partial
        : _firstError is { } error ? Failures.CodeOf(error)
        : ExitCodes.Failed;

    public string Text(TimeSpan elapsed) => string.Create(
        CultureInfo.InvariantCulture,
        $"acknowledged {Acknowledged}, failed {Failed}, unknown {Unknown}, malformed {Malformed}; {Interlocked.Read(ref _bytes) / 1e6:0.0} MB in {elapsed.TotalSeconds:0.0} s, {Acknowledged / Math.Max(0.001, elapsed.TotalSeconds):0}/s");

    public string Json(TimeSpan elapsed) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("acknowledged", Acknowledged);
        writer.WriteNumber("failed", Failed);
        writer.WriteNumber("unknown", Unknown);
        writer.WriteNumber("malformed", Malformed);
        writer.WriteNumber("bytes", Interlocked.Read(ref _bytes));
        writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        writer.WriteEndObject();
    });
}
