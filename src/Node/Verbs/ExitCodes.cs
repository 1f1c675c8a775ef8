namespace KvRaft.Node.Verbs;

/// <summary>What the process answers the shell; the numbers agree with those of <c>kvctl</c>.</summary>
internal static class ExitCodes
{
    /// <summary>Stopped because it was asked to.</summary>
    public const int Stopped = 0;

    /// <summary>Did not start, or could not go on.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int BadArguments = 128;
}
