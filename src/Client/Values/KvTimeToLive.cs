namespace KvRaft.Client;

/// <summary>The remaining time to live of a value.</summary>
/// <param name="Found">The key has a value.</param>
/// <param name="Remaining">Null: the value does not expire, or the key is absent.</param>
public readonly record struct KvTimeToLive(bool Found, TimeSpan? Remaining);
