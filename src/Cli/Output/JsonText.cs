using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvRaft.Cli.Output;

/// <summary>Writes JSON without reflection, with a defined order of members.</summary>
internal static class JsonText
{
    /// <summary>For files and terminals, not for HTML: letters of all languages stay readable.</summary>
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonWriterOptions Indented = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true };

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Write(Action<Utf8JsonWriter> write, bool indented = false)
    {
        using var memory = new MemoryStream();
        using (var writer = new Utf8JsonWriter(memory, indented ? Indented : Compact))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length);
    }

    /// <summary>Bytes as text under <paramref name="name"/> if they are UTF-8, else under <c>name_base64</c>.</summary>
    public static void WriteBytes(Utf8JsonWriter writer, string name, ReadOnlySpan<byte> bytes)
    {
        if (TryText(bytes, out var text))
        {
            writer.WriteString(name, text);
        }
        else
        {
            writer.WriteBase64String(name + "_base64", bytes);
        }
    }

    public static bool TryText(ReadOnlySpan<byte> bytes, out string text)
    {
        try
        {
            text = Strict.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = "";
            return false;
        }
    }

    /// <summary>A cell of a table, or a member of an object.</summary>
    public static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null: writer.WriteNullValue(); break;
            case string text: writer.WriteStringValue(text); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case int number: writer.WriteNumberValue(number); break;
            case long number: writer.WriteNumberValue(number); break;
            case double number: writer.WriteNumberValue(number); break;
            case IEnumerable<string> list:
                writer.WriteStartArray();
                foreach (var item in list)
                {
                    writer.WriteStringValue(item);
                }

                writer.WriteEndArray();
                break;
            default:
                throw new ArgumentException($"{value.GetType()} has no JSON form.", nameof(value));
        }
    }
}
