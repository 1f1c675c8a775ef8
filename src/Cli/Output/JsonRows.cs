namespace KvRaft.Cli.Output;

/// <summary>Writes objects one after the other: as one array, or one per line.</summary>
internal sealed class JsonRows(TextWriter output, OutputFormat format)
{
    private bool _any;

    /// <param name="json">One object, without a line break.</param>
    public async Task AddAsync(string json)
    {
        if (format == OutputFormat.Jsonl)
        {
            await output.WriteLineAsync(json);
            return;
        }

        await output.WriteAsync((_any ? ",\n  " : "[\n  ") + json);
        _any = true;
    }

    public Task EndAsync() => format == OutputFormat.Jsonl ? Task.CompletedTask : output.WriteLineAsync(_any ? "\n]" : "[]");
}
