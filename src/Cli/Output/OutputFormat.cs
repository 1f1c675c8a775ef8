namespace KvRaft.Cli.Output;

internal enum OutputFormat
{
    /// <summary>For eyes.</summary>
    Table,

    /// <summary>For programs: one document, or one per line where there can be many.</summary>
    Json,

    /// <summary>For shells: values separated by tabs, one line each, no headers.</summary>
    Plain,
}
