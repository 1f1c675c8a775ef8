using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>The structured values of the workloads other than registers, with errors that name the line.</summary>
internal static class JsonText
{
    /// <summary>Parses the <c>value</c> of an event; the caller disposes the result.</summary>
    /// <exception cref="HistoryFormatException">There is no value, or it is plain text.</exception>
    public static JsonDocument ParseValue(HistoryEvent at)
    {
        if (!at.Value.IsJson)
        {
            throw Fault(at, $"must be a JSON value on {at.Function}");
        }

        try
        {
            return JsonDocument.Parse(at.Value.Content!);
        }
        catch (JsonException fault)
        {
            throw Fault(at, $"is no JSON: {fault.Message}");
        }
    }

    public static long Integer(HistoryEvent at, JsonElement element, string what) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number)
            ? number
            : throw Fault(at, $"{what} must be an integer");

    /// <summary>The text of an element of a list or set; two texts are equal if and only if the elements are.</summary>
    public static string Element(HistoryEvent at, JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => $"\"{element.GetString()}\"",
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => element.GetRawText(),
        _ => throw Fault(at, "an element must be text, a number or a boolean"),
    };

    /// <summary>The same for an element that is the whole value.</summary>
    public static string Element(HistoryEvent at)
    {
        if (at.Value.IsText)
        {
            return $"\"{at.Value.Content}\"";
        }

        using var document = ParseValue(at);
        return Element(at, document.RootElement);
    }

    public static string[] Elements(HistoryEvent at, JsonElement array) => array.ValueKind == JsonValueKind.Array
        ? [.. array.EnumerateArray().Select(element => Element(at, element))]
        : throw Fault(at, "must be an array");

    /// <exception cref="HistoryFormatException">The value is not an object, or has no such member.</exception>
    public static JsonElement Member(HistoryEvent at, JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) ? member : throw Fault(at, $"must have a member \"{name}\"");

    /// <summary>True if the member exists and is true.</summary>
    public static bool Flag(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.True;

    /// <summary>An array of text.</summary>
    public static string[] Texts(HistoryEvent at, JsonElement array) =>
        array.ValueKind == JsonValueKind.Array && array.EnumerateArray().All(static element => element.ValueKind == JsonValueKind.String)
            ? [.. array.EnumerateArray().Select(static element => element.GetString()!)]
            : throw Fault(at, "must be an array of text");

    /// <summary>A name in the form of a text or a number.</summary>
    public static string Name(HistoryEvent at, JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString()!,
        JsonValueKind.Number => element.GetRawText(),
        _ => throw Fault(at, "a key or account must be text or a number"),
    };

    public static HistoryFormatException Fault(HistoryEvent at, string reason) => new(at.Line, "value", reason);
}
