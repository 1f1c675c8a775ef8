namespace KvRaft.Client;

/// <summary>Reads values of protobuf messages that have no null.</summary>
internal static class Messages
{
    public static string? TextOrNull(string text) => text.Length == 0 ? null : text;

    public static DateTimeOffset? InstantOrNull(long unixMilliseconds) =>
        unixMilliseconds == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds);

    public static TimeSpan? DurationOrNull(long milliseconds) => milliseconds < 0 ? null : TimeSpan.FromMilliseconds(milliseconds);

    public static long Milliseconds(TimeSpan duration) => (long)duration.TotalMilliseconds;
}
