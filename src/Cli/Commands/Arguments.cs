using System.CommandLine;
using System.Text;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>Arguments and options that several commands share.</summary>
internal static class Arguments
{
    public static Argument<string> Key() => new("key") { Description = "The key, as text." };

    public static Option<TimeSpan?> Ttl() => GlobalOptions.Duration("--ttl", "The time to live of the value, e.g. 30s, 1h, 7d.");

    public static Option<bool> IfAbsent() => new("--if-absent") { Description = "Only if the key has no value." };

    public static Option<long?> IfVersion() => new("--if-version") { Description = "Only if the key's version is this one." };

    public static Option<string?> IfValue() => new("--if-value") { Description = "Only if the key's value is this text." };

    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <exception cref="UsageException">More than one condition is given.</exception>
    public static KvCondition? Condition(bool ifAbsent, long? ifVersion, string? ifValue)
    {
        if ((ifAbsent ? 1 : 0) + (ifVersion is null ? 0 : 1) + (ifValue is null ? 0 : 1) > 1)
        {
            throw new UsageException("Give only one of --if-absent, --if-version and --if-value.");
        }

        if (ifVersion < 0)
        {
            throw new UsageException("--if-version: versions start at 1; 0 means absent.");
        }

        return ifAbsent ? KvCondition.Absent
            : ifVersion is { } version ? KvCondition.VersionIs(version)
            : ifValue is { } value ? KvCondition.ValueIs(Bytes(value))
            : null;
    }

    public static KvExpiry Expiry(TimeSpan? ttl) => ttl is { } given ? KvExpiry.After(given) : KvExpiry.Default;

    public static Option<string> Prefix() => new("--prefix") { Description = "Only keys with this prefix.", DefaultValueFactory = _ => "" };

    public static Option<string> Start() => new("--start") { Description = "The first key of the range.", DefaultValueFactory = _ => "" };

    public static Option<string> End() => new("--end") { Description = "The end of the range; this key is not included.", DefaultValueFactory = _ => "" };

    public static string Mismatch(KvEntry<ReadOnlyMemory<byte>>? current) => Mismatch(current?.Version ?? 0);

    /// <summary>The message for a condition that did not hold.</summary>
    /// <param name="version">The version of the existing value; 0: the key is absent.</param>
    public static string Mismatch(long version) => version > 0
        ? FormattableString.Invariant($"the condition did not hold: the key has version {version}")
        : "the condition did not hold: the key is absent";
}
