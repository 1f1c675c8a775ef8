using System.Globalization;

namespace KvRaft.Client;

/// <summary>Durations as text: a number and one of the units ms, s, m, h, d.</summary>
public static class DurationText
{
    /// <returns>False if <paramref name="text"/> is not a duration, is negative, or is too long for a <see cref="TimeSpan"/>.</returns>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var digits = text.AsSpan().TrimEnd("abcdefghijklmnopqrstuvwxyz");
        double? unitMs = text.AsSpan(digits.Length) switch
        {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => null,
        };
        if (unitMs is not { } unit
            || !double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        var milliseconds = number * unit;
        if (!(milliseconds <= TimeSpan.MaxValue.TotalMilliseconds / 2))
        {
            return false;
        }

        duration = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }
}
