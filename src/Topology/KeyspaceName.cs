namespace KvRaft.Topology;

/// <summary>The rule for names of keyspaces: a lower-case letter, then lower-case letters, digits, <c>-</c>, <c>_</c> and <c>.</c></summary>
public static class KeyspaceName
{
    /// <summary>The keyspace that every cluster has from the start, and that requests without a keyspace name use.</summary>
    public const string Default = "default";

    /// <summary>
    /// The maximum length of a name in characters (each is one byte). It equals that of a DNS label, so a name is valid everywhere a node id is
    /// (metric labels, file names, connection strings).
    /// </summary>
    public const int LengthMax = 63;

    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= LengthMax }
        && name[0] is >= 'a' and <= 'z'
        && name.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-_.") < 0;
}
