namespace KvRaft.Client;

/// <summary>What is left of a value's life.</summary>
/// <param name="Found">There is a value.</param>
/// <param name="Remaining">Null: it does not end, or there is none.</param>
public readonly record struct KvTimeToLive(bool Found, TimeSpan? Remaining);
