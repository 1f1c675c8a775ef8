namespace KvRaft.Chaos.Checkers;

/// <summary>An operation in its lane. Positions are in pixels from the left edge of the lanes.</summary>
internal sealed record PlacedOperation(Operation Operation, string Label, int Lane, double Begin, double End);

/// <summary>The part of a fault within the drawing.</summary>
internal sealed record PlacedFault(FaultSpan Fault, double Begin, double End);

/// <summary>
/// Computes all positions. Columns are events, not times: a short operation beside a timeout of seconds stays readable, and overlaps are exact. Every
/// column is as far to the right as the labels before it require. Processes that never ran at the same time share a lane, because an open operation
/// ends its process and a run would otherwise have more lanes than a screen has lines.
/// </summary>
internal sealed class LaneLayout
{
    // Pixels: the character width of the page's 11-pixel monospace font, and space for the borders.
    private const double CharacterWidth = 6.7;
    private const double LabelPadding = 10;
    private const double ColumnGap = 12;
    private const int LabelCharactersMax = 46;

    private readonly Dictionary<long, double> _columns = [];

    private LaneLayout(IReadOnlyList<Operation> operations, IReadOnlyList<FaultMark> marks)
    {
        var labels = operations.ToDictionary(operation => operation, LabelOf);
        PlaceColumns(operations, marks, labels);
        Width = _columns.Values.DefaultIfEmpty(0).Max() + ColumnGap;
        var lanes = AssignLanes(operations);
        Lanes = [.. lanes.GroupBy(pair => pair.Value).OrderBy(group => group.Key).Select(group => string.Join(' ', group.Select(pair => $"p{pair.Key}")))];
        Operations =
        [
            .. operations.Select(operation => new PlacedOperation(
                operation, labels[operation], lanes[operation.Process], _columns[operation.InvokedIndex], EndOf(operation))),
        ];
        Faults = [.. FaultSpan.Of(marks).Select(Place).OfType<PlacedFault>()];
    }

    public IReadOnlyList<PlacedOperation> Operations { get; }

    public IReadOnlyList<PlacedFault> Faults { get; }

    /// <summary>A label for each lane: the processes in it.</summary>
    public IReadOnlyList<string> Lanes { get; }

    public double Width { get; }

    public static LaneLayout Of(IReadOnlyList<Operation> operations, IReadOnlyList<FaultMark> marks) => new(operations, marks);

    private static string LabelOf(Operation operation)
    {
        var text = OperationText.What(operation);
        return text.Length <= LabelCharactersMax ? text : text[..(LabelCharactersMax - 1)] + "…";
    }

    private void PlaceColumns(IReadOnlyList<Operation> operations, IReadOnlyList<FaultMark> marks, Dictionary<Operation, string> labels)
    {
        var ending = operations.Where(operation => operation.Completion is not null).ToDictionary(operation => operation.Completion!.Index);
        var indexes = new SortedSet<long>(operations.Select(operation => operation.InvokedIndex));
        indexes.UnionWith(ending.Keys);
        if (indexes.Count == 0)
        {
            return;
        }

        indexes.UnionWith(marks.Select(mark => mark.Index).Where(index => index > indexes.Min && index < indexes.Max).ToList());
        double at = 0;
        foreach (var index in indexes)
        {
            at += ColumnGap;
            if (ending.TryGetValue(index, out var operation))
            {
                at = Math.Max(at, _columns[operation.InvokedIndex] + (labels[operation].Length * CharacterWidth) + LabelPadding);
            }

            _columns.Add(index, at);
        }

        // An operation without an end still needs space for its label.
        var open = operations.Where(operation => operation.Completion is null);
        _columns.Add(Operation.Never, open.Select(operation => _columns[operation.InvokedIndex] + (labels[operation].Length * CharacterWidth) + LabelPadding).Append(at + ColumnGap).Max());
    }

    private double EndOf(Operation operation) => _columns[operation.Completion?.Index ?? Operation.Never];

    private static SortedDictionary<int, int> AssignLanes(IReadOnlyList<Operation> operations)
    {
        var lives = operations
            .GroupBy(operation => operation.Process)
            .Select(group => (Process: group.Key, Begin: group.Min(operation => operation.InvokedIndex), End: group.Max(operation => operation.Completion?.Index ?? Operation.Never)))
            .OrderBy(life => life.Begin);
        var lanes = new SortedDictionary<int, int>();
        var busyUntil = new List<long>();
        foreach (var (process, begin, end) in lives)
        {
            var lane = busyUntil.FindIndex(until => until < begin);
            if (lane < 0)
            {
                lane = busyUntil.Count;
                busyUntil.Add(end);
            }

            busyUntil[lane] = end;
            lanes.Add(process, lane);
        }

        return lanes;
    }

    private PlacedFault? Place(FaultSpan fault)
    {
        if (_columns.Count == 0)
        {
            return null;
        }

        var shown = _columns.Keys.Where(index => index != Operation.Never).ToList();
        var (first, last) = (shown.Min(), shown.Max());
        var end = fault.Heal?.Index ?? Operation.Never;
        if (end < first || fault.Start.Index > last)
        {
            return null;
        }

        var from = fault.Start.Index < first ? 0 : _columns[fault.Start.Index];
        return new PlacedFault(fault, from, end > last ? Width : _columns[end]);
    }
}
