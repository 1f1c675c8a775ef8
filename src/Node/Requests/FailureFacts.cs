using System.Globalization;
using System.Text;

namespace KvRaft.Node.Requests;

/// <summary>
/// Limits the facts of a <see cref="Failure"/>. A refusal travels in trailing metadata, for which gRPC libraries accept 8 KiB by default: message and details together, the
/// message with three characters for a byte that is not ASCII, the details in base64. A larger one is replaced by RESOURCE_EXHAUSTED in the library, which a client takes for overload. Pure.
/// </summary>
internal static class FailureFacts
{
    /// <summary>Bytes of a message. It occurs up to three times in a refusal.</summary>
    public const int MessageBytesMax = 512;

    /// <summary>Bytes of the name of a field.</summary>
    public const int FieldBytesMax = 192;

    /// <summary>The number of facts that did not fit.</summary>
    public const string LeftOut = "facts_left_out";

    private const int NameBytesMax = 64;
    private const int ValueBytesMax = 256;

    /// <summary>Bytes of all facts, tags included.</summary>
    private const int BytesMax = 1536;

    /// <summary>Tags and lengths of one fact.</summary>
    private const int OverheadBytes = 8;

    /// <summary>The first facts that fit, each cut to its limit; the number of the others is one more fact.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Bound(IReadOnlyList<KeyValuePair<string, string>> facts)
    {
        var bytes = 0;
        var isCut = false;
        for (var i = 0; i < facts.Count; i++)
        {
            var (name, value) = (ClientText.Cut(facts[i].Key, NameBytesMax), ClientText.Cut(facts[i].Value, ValueBytesMax));
            bytes += Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value) + OverheadBytes;
            if (bytes > BytesMax)
            {
                return [.. Cut(facts, i), new(LeftOut, (facts.Count - i).ToString(CultureInfo.InvariantCulture))];
            }

            isCut |= !ReferenceEquals(name, facts[i].Key) || !ReferenceEquals(value, facts[i].Value);
        }

        return isCut ? [.. Cut(facts, facts.Count)] : facts;
    }

    private static IEnumerable<KeyValuePair<string, string>> Cut(IReadOnlyList<KeyValuePair<string, string>> facts, int count) =>
        facts.Take(count).Select(static fact => KeyValuePair.Create(ClientText.Cut(fact.Key, NameBytesMax), ClientText.Cut(fact.Value, ValueBytesMax)));
}
