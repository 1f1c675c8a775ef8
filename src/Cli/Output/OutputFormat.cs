namespace KvRaft.Cli.Output;

internal enum OutputFormat
{
    /// <summary>For eyes.</summary>
    Table,

    /// <summary>For programs: one document.</summary>
    Json,

    /// <summary>For programs that read as it comes: one document on each line.</summary>
    Jsonl,

    /// <summary>For shells: values separated by tabs, one line each, no headers.</summary>
    Plain,
}
