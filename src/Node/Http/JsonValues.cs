using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace KvRaft.Node.Http;

/// <summary>
/// The values of a JSON request, by the types of their fields. JSON transcoding refuses a value of another type too, but with a text of .NET and without the field or a reason. So each value
/// is checked with the same rules before: what passes here can be read there. Pure.
/// </summary>
internal static class JsonValues
{
    private const string Whole64 = "a whole number of 64 bits, as a number or as a string";

    /// <summary>What a field takes, if the value at the reader is something else; otherwise null. The reader stays at the value, or at the begin of an object or array.</summary>
    /// <param name="reader">At the value, or at one element of a repeated field.</param>
    /// <param name="field">Its field.</param>
    /// <param name="isElement">An element of an array, which is never null.</param>
    public static string? Mistake(ref Utf8JsonReader reader, FieldDescriptor field, bool isElement)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return isElement ? "an element is never null" : MayBeNull(field.FieldType) ? null : "a value; leave the field out instead of null";
        }

        return field.FieldType switch
        {
            FieldType.Message or FieldType.Group => reader.TokenType == JsonTokenType.StartObject ? null : "a JSON object",
            FieldType.String => IsText(ref reader) ? null : "a string of valid Unicode",
            FieldType.Bytes => IsBase64(ref reader) ? null : "a string in base64, with its padding",
            FieldType.Bool => reader.TokenType is JsonTokenType.True or JsonTokenType.False ? null : "true or false",
            FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out _) ? null : "a whole number of 32 bits",
            FieldType.UInt32 or FieldType.Fixed32 => reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out _) ? null : "a whole number of 32 bits, not negative",
            FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => IsInt64(ref reader) ? null : Whole64,
            FieldType.UInt64 or FieldType.Fixed64 => IsUInt64(ref reader) ? null : Whole64 + ", not negative",
            FieldType.Float or FieldType.Double => IsNumber(ref reader) ? null : "a number",
            FieldType.Enum => IsEnum(ref reader, field.EnumType) ? null : Names(field.EnumType),
            _ => null,
        };
    }

    /// <summary>What a field takes, if the value of a query is something else; otherwise null.</summary>
    public static string? MistakeInQuery(string value, FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message or FieldType.Group => "has fields; name one of them",
        FieldType.Bytes => Base64.IsValid(value) ? null : "a string in base64, with its padding",
        FieldType.Bool => bool.TryParse(value, out _) ? null : "true or false",
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => int.TryParse(value, CultureInfo.InvariantCulture, out _) ? null : "a whole number of 32 bits",
        FieldType.UInt32 or FieldType.Fixed32 => uint.TryParse(value, CultureInfo.InvariantCulture, out _) ? null : "a whole number of 32 bits, not negative",
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => long.TryParse(value, CultureInfo.InvariantCulture, out _) ? null : "a whole number of 64 bits",
        FieldType.UInt64 or FieldType.Fixed64 => ulong.TryParse(value, CultureInfo.InvariantCulture, out _) ? null : "a whole number of 64 bits, not negative",
        FieldType.Float or FieldType.Double => double.TryParse(value, CultureInfo.InvariantCulture, out _) ? null : "a number",
        FieldType.Enum => field.EnumType.FindValueByName(value) is not null ? null : Names(field.EnumType),
        _ => null,
    };

    /// <summary>The types whose absent value is null.</summary>
    private static bool MayBeNull(FieldType type) => type is FieldType.Message or FieldType.Group or FieldType.String or FieldType.Bytes;

    private static bool IsText(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        if (!reader.ValueIsEscaped)
        {
            return System.Text.Unicode.Utf8.IsValid(reader.ValueSpan);
        }

        try
        {
            _ = reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, which is no character.
            return false;
        }
    }

    private static bool IsBase64(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && (reader.ValueIsEscaped ? reader.TryGetBytesFromBase64(out _) : Base64.IsValid(reader.ValueSpan));

    private static bool IsInt64(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number => reader.TryGetInt64(out _),
        JsonTokenType.String => IsText(ref reader) && long.TryParse(reader.GetString(), CultureInfo.InvariantCulture, out _),
        _ => false,
    };

    private static bool IsUInt64(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number => reader.TryGetUInt64(out _),
        JsonTokenType.String => IsText(ref reader) && ulong.TryParse(reader.GetString(), CultureInfo.InvariantCulture, out _),
        _ => false,
    };

    private static bool IsNumber(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number => true,
        JsonTokenType.String => reader.ValueTextEquals("NaN") || reader.ValueTextEquals("Infinity") || reader.ValueTextEquals("-Infinity"),
        _ => false,
    };

    private static bool IsEnum(ref Utf8JsonReader reader, EnumDescriptor type) => reader.TokenType switch
    {
        JsonTokenType.Number => reader.TryGetInt32(out _),
        JsonTokenType.String => IsText(ref reader) && type.FindValueByName(reader.GetString()!) is not null,
        _ => false,
    };

    private static string Names(EnumDescriptor type) => $"one of {string.Join(", ", type.Values.Select(static value => value.Name))}";
}
