namespace KvRaft.Cli.Output;

internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>For programs: one document.</summary>
    Json,

    /// <summary>For programs that read a stream: one document per line.</summary>
    Jsonl,

    /// <summary>For shells: values separated by tabs, one line each, no headers.</summary>
    Plain,
}
