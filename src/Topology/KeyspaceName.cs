namespace KvRaft.Topology;

/// <summary>What a keyspace may be called: a lower-case letter, then lower-case letters, digits, <c>-</c>, <c>_</c> and <c>.</c></summary>
public static class KeyspaceName
{
    /// <summary>The keyspace every cluster is born with, and what a request without a name means.</summary>
    public const string Default = "default";

    /// <summary>
    /// The longest name, in characters (each is one byte): as long as a DNS label, so that a name fits wherever a node id
    /// does (metrics labels, file names, connection strings).
    /// </summary>
    public const int LengthMax = 63;

    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= LengthMax }
        && name[0] is >= 'a' and <= 'z'
        && name.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-_.") < 0;
}
