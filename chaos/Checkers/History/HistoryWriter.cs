using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Writes a history line by line, in the format of <see cref="HistoryReader"/>. It checks nothing: the events of a faulty harness must reach the file
/// unchanged. Not thread-safe; the caller owns the writer and flushes it.
/// </summary>
public sealed class HistoryWriter
{
    // The file is read by people and checkers, and is never put into a page unescaped: readable text is more useful than HTML safety.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly TextWriter _text;
    private readonly ArrayBufferWriter<byte> _line = new();

    public HistoryWriter(TextWriter text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _text = text;
    }

    /// <summary>Writes the first line; only allowed before any event.</summary>
    public void Write(HistoryHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        using var json = new Utf8JsonWriter(_line, Readable);
        json.WriteStartObject();
        json.WriteStartObject("header");
        json.WriteString("format", HistoryHeader.Format);
        json.WriteNumber("version", HistoryHeader.Version);
        WriteText(json, "run", header.Run);
        WriteInteger(json, "seed", header.Seed);
        WriteText(json, "workload", header.Workload);
        if (header.Nodes.Count > 0)
        {
            json.WriteStartArray("nodes");
            foreach (var node in header.Nodes)
            {
                json.WriteStringValue(node);
            }

            json.WriteEndArray();
        }

        WriteText(json, "clock", header.Clock);
        WriteText(json, "build", header.Build);
        WriteText(json, "note", header.Note);
        WriteText(json, "anomaly", header.Anomaly);
        if (header.Parameters.Count > 0)
        {
            json.WriteStartObject("parameters");
            foreach (var (name, value) in header.Parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteNumber(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
        EndLine(json);
    }

    public void Write(HistoryEvent next)
    {
        ArgumentNullException.ThrowIfNull(next);
        using var json = new Utf8JsonWriter(_line, Readable);
        json.WriteStartObject();
        json.WriteNumber("index", next.Index);
        json.WriteNumber("process", next.Process);
        json.WriteString("type", NameOf(next.Type));
        json.WriteString("f", next.Function);
        WriteText(json, "key", next.Key);
        WriteValue(json, "expected", next.Expected);
        WriteValue(json, "value", next.Value);
        json.WriteNumber("time", next.TimeNanoseconds);
        WriteText(json, "level", next.Level);
        WriteText(json, "error", next.Error);
        WriteText(json, "node", next.Node);
        WriteInteger(json, "revision", next.Revision);
        WriteInteger(json, "ttl", next.TtlNanoseconds);
        json.WriteEndObject();
        EndLine(json);
    }

    private static string NameOf(EventType type) => type switch
    {
        EventType.Invoke => "invoke",
        EventType.Ok => "ok",
        EventType.Fail => "fail",
        _ => "info",
    };

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static void WriteInteger(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } value)
        {
            json.WriteNumber(name, value);
        }
    }

    private static void WriteValue(Utf8JsonWriter json, string name, HistoryValue value)
    {
        if (value.IsMissing)
        {
            return;
        }

        json.WritePropertyName(name);
        if (value.IsNull)
        {
            json.WriteNullValue();
        }
        else if (value.IsText)
        {
            json.WriteStringValue(value.Content);
        }
        else
        {
            json.WriteRawValue(value.Content!);
        }
    }

    private void EndLine(Utf8JsonWriter json)
    {
        json.Flush();
        _text.Write(Encoding.UTF8.GetString(_line.WrittenSpan));
        _text.Write('\n');
        _line.ResetWrittenCount();
    }
}
