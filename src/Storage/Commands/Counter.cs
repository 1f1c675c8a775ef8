using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Numbers of increments. They are stored as decimal text, because people, tools and clients of any language read the same key.
/// The format is a signed 64-bit number, without a sign for positive numbers and without spaces.
/// </summary>
internal static class Counter
{
    /// <summary>The longest number, <see cref="long.MinValue"/>, bytes. A longer value is no number, and its bytes are not read.</summary>
    public const int BytesMax = 20;

    /// <summary>The sum, or the reason of the refusal.</summary>
    public static (RefusalReason Refusal, long Value) Add(StoredValue? current, long delta, long initial, long min, long max)
    {
        var before = initial;
        if (current is { } value
            && (!Utf8Parser.TryParse(value.Value.Span, out before, out var consumed) || consumed != value.Value.Length))
        {
            return (RefusalReason.NotANumber, 0);
        }

        var sum = (Int128)before + delta;
        return sum < min || sum > max ? (RefusalReason.OutOfBounds, 0) : (RefusalReason.None, (long)sum);
    }

    public static byte[] Format(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
