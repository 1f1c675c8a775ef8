using System.Globalization;
using System.Text.RegularExpressions;

namespace KvRaft.Node.Options;

/// <summary>
/// Reads single settings from merged configuration and collects the mistakes in them instead of stopping at the first. For a
/// mistake it returns the default, so that reading can continue and find the next one.
/// </summary>
internal sealed partial class SettingsReader(IConfiguration source)
{
    private readonly List<OptionMistake> _mistakes = [];

    public IReadOnlyList<OptionMistake> Mistakes => _mistakes;

    public void Add(string path, string? value, string allowed) => _mistakes.Add(new(Written(path), value, allowed));

    /// <summary>The path in the notation of the file: <c>nodes:0:raft</c> is <c>nodes[0].raft</c>.</summary>
    private static string Written(string path) => ArrayIndex().Replace(path, "[$1]").Replace(':', '.');

    [GeneratedRegex(@":(\d+)")]
    private static partial Regex ArrayIndex();

    public string? Text(string path) => source[path] is { Length: > 0 } text ? text : null;

    public int Whole(string path, int missing) =>
        Parse(path, missing, "a whole number", (string text, out int value) =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));

    public long WholeLong(string path, long missing) =>
        Parse(path, missing, "a whole number", (string text, out long value) =>
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));

    public bool Truth(string path, bool missing) => Parse(path, missing, "true or false", bool.TryParse);

    public double Number(string path, double missing) =>
        Parse(path, missing, "a number", (string text, out double value) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value));

    /// <summary>A duration, in milliseconds: the unit is in the setting's name (<c>…Ms</c>).</summary>
    public TimeSpan Milliseconds(string path, TimeSpan missing) =>
        Parse(path, missing, "a number of milliseconds", (string text, out TimeSpan value) =>
        {
            // Values that are not a number, infinite, or too large for a TimeSpan are mistakes, like any text that is no number.
            var fits = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && Math.Abs(number) <= TimeSpan.MaxValue.TotalMilliseconds / 2;
            value = fits ? TimeSpan.FromMilliseconds(number) : default;
            return fits;
        });

    public HostAndPort? Address(string path, bool required)
    {
        if (Text(path) is null)
        {
            if (required)
            {
                Add(path, null, AddressAllowed);
            }

            return null;
        }

        return Parse<HostAndPort?>(path, null, AddressAllowed, (string text, out HostAndPort? value) =>
        {
            var parsed = HostAndPort.TryParse(text, out var address);
            value = address;
            return parsed;
        });
    }

    private const string AddressAllowed = "host:port, such as 10.0.0.1:7400";

    public delegate bool TryParse<T>(string text, out T value);

    public T Parse<T>(string path, T missing, string allowed, TryParse<T> tryParse)
    {
        if (Text(path) is not { } text)
        {
            return missing;
        }

        if (tryParse(text, out var value))
        {
            return value;
        }

        Add(path, text, allowed);
        return missing;
    }
}
