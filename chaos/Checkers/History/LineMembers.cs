using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>The members of one JSON object, with errors that name line and member.</summary>
internal readonly struct LineMembers(long line, JsonElement element)
{
    public JsonElement? Find(string name) => element.TryGetProperty(name, out var found) ? found : null;

    /// <summary>A text member; <c>null</c> if it is missing or null.</summary>
    public string? Text(string name) => Find(name) is not { ValueKind: not JsonValueKind.Null } found
        ? null
        : found.ValueKind == JsonValueKind.String ? found.GetString() : throw Fault(name, "must be text");

    public string RequiredText(string name) => Text(name) ?? throw Fault(name, "is missing");

    /// <summary>An integer member; <c>null</c> if it is missing or null.</summary>
    public long? Integer(string name, long min = long.MinValue, long max = long.MaxValue)
    {
        if (Find(name) is not { ValueKind: not JsonValueKind.Null } found)
        {
            return null;
        }

        if (found.ValueKind != JsonValueKind.Number || !found.TryGetInt64(out var number))
        {
            throw Fault(name, "must be an integer");
        }

        return number >= min && number <= max ? number : throw Fault(name, $"{number} is outside {min}..{max}");
    }

    public long RequiredInteger(string name, long min = long.MinValue, long max = long.MaxValue) =>
        Integer(name, min, max) ?? throw Fault(name, "is missing");

    public HistoryValue Value(string name)
    {
        if (Find(name) is not { } found)
        {
            return HistoryValue.Missing;
        }

        return found.ValueKind switch
        {
            JsonValueKind.Null => HistoryValue.Null,
            JsonValueKind.String => HistoryValue.Text(found.GetString()),
            _ => HistoryValue.Json(found.GetRawText()),
        };
    }

    public IReadOnlyList<string> Texts(string name)
    {
        if (Find(name) is not { } found)
        {
            return [];
        }

        if (found.ValueKind != JsonValueKind.Array || found.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            throw Fault(name, "must be an array of texts");
        }

        return [.. found.EnumerateArray().Select(item => item.GetString()!)];
    }

    public IReadOnlyDictionary<string, long> Integers(string name)
    {
        var integers = new SortedDictionary<string, long>(StringComparer.Ordinal);
        if (Find(name) is not { } found)
        {
            return integers;
        }

        if (found.ValueKind != JsonValueKind.Object)
        {
            throw Fault(name, "must be an object of integers");
        }

        var inner = new LineMembers(line, found);
        foreach (var member in found.EnumerateObject())
        {
            integers.Add(member.Name, inner.RequiredInteger(member.Name));
        }

        return integers;
    }

    private HistoryFormatException Fault(string member, string reason) => new(line, member, reason);
}
