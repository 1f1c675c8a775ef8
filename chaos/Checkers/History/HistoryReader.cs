using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Reads a history line by line; memory does not grow with the file. Unknown members are ignored, everything else is checked strictly, because a bug
/// of the harness must neither be judged as a bug of the store nor hide one. Single use, not thread-safe.
/// </summary>
public sealed class HistoryReader
{
    // OperationPairing checks the order and pairing of events: this type handles only lines and members.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly TextReader _text;
    private long _line;

    public HistoryReader(TextReader text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _text = text;
    }

    /// <summary>The header, available after the first event was read; <c>null</c> if the file has none.</summary>
    public HistoryHeader? Header { get; private set; }

    /// <summary>The events in the order of the file.</summary>
    /// <exception cref="HistoryFormatException">A line violates the format.</exception>
    public IEnumerable<HistoryEvent> ReadEvents()
    {
        while (_text.ReadLine() is { } line)
        {
            _line++;
            using var document = Parse(line);
            var members = new LineMembers(_line, document.RootElement);
            if (members.Find("header") is { } header)
            {
                Header = ReadHeader(header);
            }
            else
            {
                yield return ReadEvent(members);
            }
        }
    }

    private JsonDocument Parse(string line)
    {
        if (line.Length == 0)
        {
            throw new HistoryFormatException(_line, null, "the line is empty");
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(line, Strict);
        }
        catch (JsonException fault)
        {
            throw new HistoryFormatException(_line, null, $"no JSON object: {fault.Message}");
        }

        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            document.Dispose();
            throw new HistoryFormatException(_line, null, "no JSON object");
        }

        return document;
    }

    private HistoryHeader ReadHeader(JsonElement header)
    {
        if (_line != 1)
        {
            throw new HistoryFormatException(_line, "header", "is allowed on line 1 only");
        }

        if (header.ValueKind != JsonValueKind.Object)
        {
            throw new HistoryFormatException(_line, "header", "must be an object");
        }

        var members = new LineMembers(_line, header);
        if (members.RequiredText("format") != HistoryHeader.Format)
        {
            throw new HistoryFormatException(_line, "format", $"must be \"{HistoryHeader.Format}\"");
        }

        if (members.RequiredInteger("version") != HistoryHeader.Version)
        {
            throw new HistoryFormatException(_line, "version", $"must be {HistoryHeader.Version}");
        }

        return new HistoryHeader
        {
            Run = members.Text("run"),
            Seed = members.Integer("seed"),
            Workload = members.Text("workload"),
            Nodes = members.Texts("nodes"),
            Clock = members.Text("clock"),
            Build = members.Text("build"),
            Note = members.Text("note"),
            Anomaly = members.Text("anomaly"),
            Parameters = members.Integers("parameters"),
        };
    }

    private HistoryEvent ReadEvent(LineMembers members) => new()
    {
        Line = _line,
        Index = members.RequiredInteger("index", min: 0),
        Process = (int)members.RequiredInteger("process", int.MinValue, int.MaxValue),
        Type = ReadType(members.RequiredText("type")),
        Function = members.RequiredText("f"),
        Key = members.Text("key"),
        Value = members.Value("value"),
        Expected = members.Value("expected"),
        TimeNanoseconds = members.RequiredInteger("time", min: 0),
        Level = members.Text("level"),
        Error = members.Text("error"),
        Node = members.Text("node"),
        Revision = members.Integer("revision"),
        TtlNanoseconds = members.Integer("ttl", min: 0),
    };

    private EventType ReadType(string type) => type switch
    {
        "invoke" => EventType.Invoke,
        "ok" => EventType.Ok,
        "fail" => EventType.Fail,
        "info" => EventType.Info,
        _ => throw new HistoryFormatException(_line, "type", $"\"{type}\" is none of invoke, ok, fail, info"),
    };
}
