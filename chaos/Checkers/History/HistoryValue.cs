namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The <c>value</c> or <c>expected</c> member of an event. A register distinguishes three cases: the member is missing, it is <c>null</c> (key
/// absent), or it is text. Other workloads use numbers, arrays and objects; those are kept as their JSON text and parsed by their checker.
/// </summary>
public readonly record struct HistoryValue
{
    private enum Shape
    {
        Missing,
        Null,
        Text,
        Json,
    }

    private readonly Shape _shape;
    private readonly string? _content;

    private HistoryValue(Shape shape, string? content)
    {
        _shape = shape;
        _content = content;
    }

    /// <summary>The member is missing.</summary>
    public static HistoryValue Missing => default;

    /// <summary>The member is <c>null</c>.</summary>
    public static HistoryValue Null => new(Shape.Null, null);

    /// <summary>Text, or <see cref="Null"/> for <c>null</c>.</summary>
    public static HistoryValue Text(string? text) => text is null ? Null : new(Shape.Text, text);

    /// <summary>A number, array, object or boolean by its JSON text, which must be well formed and on one line.</summary>
    public static HistoryValue Json(string json) => new(Shape.Json, json);

    public bool IsMissing => _shape == Shape.Missing;

    public bool IsNull => _shape == Shape.Null;

    public bool IsText => _shape == Shape.Text;

    public bool IsJson => _shape == Shape.Json;

    /// <summary>The text, the JSON text, or <c>null</c> if the member is missing or null.</summary>
    public string? Content => _content;

    public override string ToString() => _shape switch
    {
        Shape.Missing => "",
        Shape.Null => "null",
        Shape.Text => $"\"{_content}\"",
        _ => _content!,
    };
}
