using System.Text.Json;
using Google.Protobuf.Reflection;
using Microsoft.Extensions.Primitives;

namespace KvRaft.Node.Http;

/// <summary>
/// The names in a JSON request that its message does not have. Protobuf's reader, as JSON transcoding uses it, skips unknown names. Then a write with a misspelt
/// condition overwrites, a value with a misspelt expiry never expires, and a range with a misspelt end deletes to the end of the keyspace. So every name is checked before the request is
/// parsed, and a name that occurs twice is refused as well, since one of the two would be ignored. Each value is checked against the type of its field (<see cref="JsonValues"/>). Pure.
/// </summary>
internal static class JsonStrictness
{
    /// <summary>Far deeper than any message; a deeper body is no request.</summary>
    private const int DepthMax = 32;

    /// <summary>Bytes of a name as it is written; longer ones are no names of fields, and are refused before they are read.</summary>
    private const int NameBytesMax = 1024;

    /// <summary>The mistake in a body; null if there is none.</summary>
    /// <param name="body">The whole body.</param>
    /// <param name="message">The expected message.</param>
    /// <param name="boundByPath">Fields of the message that the path gives, and the body may not.</param>
    public static NamedMistake? InBody(ReadOnlySpan<byte> body, MessageDescriptor message, IReadOnlyCollection<string> boundByPath)
    {
        if (body.IsEmpty)
        {
            return new NamedMistake("body", "a JSON object; an empty one is {}");
        }

        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = DepthMax });
        try
        {
            reader.Read();
            var mistake = reader.TokenType == JsonTokenType.StartObject
                ? InMessage(ref reader, message, "", boundByPath)
                : new NamedMistake("body", "a JSON object");

            // Reads on to the end: bytes after the object are no part of a request.
            return mistake ?? (reader.Read() ? new NamedMistake("body", "nothing may follow the JSON object") : null);
        }
        catch (JsonException malformed)
        {
            return new NamedMistake(
                "body", FormattableString.Invariant($"malformed JSON, or nested deeper than {DepthMax}: line {malformed.LineNumber + 1}, byte {malformed.BytePositionInLine}"));
        }
        catch (InvalidOperationException)
        {
            // The one case in which the reader throws it at a name.
            return new NamedMistake("body", "malformed JSON: a name is not valid Unicode");
        }
    }

    /// <summary>The mistake in a query; null if there is none.</summary>
    /// <param name="query">Names, each with its values.</param>
    /// <param name="message">The message whose fields they are.</param>
    /// <param name="boundByPath">Fields that the path gives, and the query may not.</param>
    public static NamedMistake? InQuery(IEnumerable<KeyValuePair<string, StringValues>> query, MessageDescriptor message, IReadOnlyCollection<string> boundByPath)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, values) in query)
        {
            if (FieldOf(name, message) is not { } path)
            {
                return new NamedMistake(name, "there is no such field");
            }

            var key = string.Join('.', path.Select(static field => field.Name));
            if (boundByPath.Contains(key))
            {
                return new NamedMistake(name, "the path has it already");
            }

            if (!seen.Add(key) || (values.Count > 1 && !path[^1].IsRepeated))
            {
                return new NamedMistake(name, "it occurs twice");
            }

            if (values.Select(value => JsonValues.MistakeInQuery(value ?? "", path[^1])).FirstOrDefault(static mistake => mistake is not null) is { } mistake)
            {
                return new NamedMistake(name, mistake);
            }
        }

        return null;
    }

    private static NamedMistake? InMessage(ref Utf8JsonReader reader, MessageDescriptor message, string at, IReadOnlyCollection<string> boundByPath)
    {
        var (fields, choices) = (new HashSet<int>(), new HashSet<OneofDescriptor>());
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.Length > NameBytesMax)
            {
                return NameTooLong(at, reader.ValueSpan.Length);
            }

            var name = reader.GetString()!;
            var path = at.Length == 0 ? name : $"{at}.{name}";
            if (Find(message, name) is not { } field)
            {
                return new NamedMistake(path, "there is no such field");
            }

            if (at.Length == 0 && boundByPath.Contains(field.Name))
            {
                return new NamedMistake(path, "the path has it already");
            }

            if (!fields.Add(field.FieldNumber))
            {
                return new NamedMistake(path, "it occurs twice");
            }

            reader.Read();
            if (field.RealContainingOneof is { } choice && reader.TokenType != JsonTokenType.Null && !choices.Add(choice))
            {
                return new NamedMistake(path, $"only one of the fields of '{choice.Name}' can be set");
            }

            if (InValue(ref reader, field, path) is { } mistake)
            {
                return mistake;
            }
        }

        return null;
    }

    private static NamedMistake NameTooLong(string at, int bytes) => new(at.Length == 0 ? "body" : at, $"a name has {bytes} bytes, at most {NameBytesMax} are read");

    private static NamedMistake? InValue(ref Utf8JsonReader reader, FieldDescriptor field, string path)
    {
        if (field.IsMap)
        {
            return reader.TokenType == JsonTokenType.StartObject
                ? InMap(ref reader, field.MessageType.FindFieldByNumber(2), path)
                : new NamedMistake(path, "a JSON object");
        }

        if (!field.IsRepeated)
        {
            return InOne(ref reader, field, path, isElement: false);
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return new NamedMistake(path, "a JSON array");
        }

        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (InOne(ref reader, field, FormattableString.Invariant($"{path}[{i}]"), isElement: true) is { } mistake)
            {
                return mistake;
            }
        }

        return null;
    }

    private static NamedMistake? InMap(ref Utf8JsonReader reader, FieldDescriptor value, string path)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.Length > NameBytesMax)
            {
                return NameTooLong(path, reader.ValueSpan.Length);
            }

            var key = reader.GetString()!;
            if (!keys.Add(key))
            {
                return new NamedMistake($"{path}.{key}", "it occurs twice");
            }

            reader.Read();
            if (InOne(ref reader, value, $"{path}.{key}", isElement: true) is { } mistake)
            {
                return mistake;
            }
        }

        return null;
    }

    private static NamedMistake? InOne(ref Utf8JsonReader reader, FieldDescriptor field, string path, bool isElement)
    {
        var isMessage = field.FieldType is FieldType.Message or FieldType.Group;
        if (isMessage && IsWellKnown(field.MessageType))
        {
            return Skip(ref reader);
        }

        return JsonValues.Mistake(ref reader, field, isElement) is { } mistake ? new NamedMistake(path, mistake)
            : isMessage && reader.TokenType == JsonTokenType.StartObject ? InMessage(ref reader, field.MessageType, path, [])
            : null;
    }

    private static NamedMistake? Skip(ref Utf8JsonReader reader)
    {
        reader.Skip();
        return null;
    }

    /// <summary>Their JSON has a form of its own, in which names are data.</summary>
    private static bool IsWellKnown(MessageDescriptor message) => message.File.Package == "google.protobuf";

    /// <summary>The fields along a name of a query; null if one does not exist, or is no single message on the way.</summary>
    private static List<FieldDescriptor>? FieldOf(string name, MessageDescriptor message)
    {
        var (path, at) = (new List<FieldDescriptor>(), (MessageDescriptor?)message);
        foreach (var part in name.Split('.'))
        {
            if (at is null || Find(at, part) is not { } field)
            {
                return null;
            }

            path.Add(field);
            at = field is { FieldType: FieldType.Message, IsRepeated: false } ? field.MessageType : null;
        }

        return path;
    }

    private static FieldDescriptor? Find(MessageDescriptor message, string name) =>
        message.FindFieldByName(name) ?? message.Fields.InFieldNumberOrder().FirstOrDefault(field => field.JsonName == name);
}

/// <summary>A mistake in a request, and its place.</summary>
/// <param name="Field">The name as the request has it.</param>
/// <param name="Why">The mistake.</param>
internal readonly record struct NamedMistake(string Field, string Why);
