using System.Globalization;
using System.Text;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Operations as lanes of text, one line each. Columns are the order of events, not their time, so that overlaps are visible at any scale:
/// <code>
///   p0 put "a"       |--|
///   p1 get -> null        |--|    &lt;- nothing explains this
///   p2 put "b" (unknown: timeout)  |----...
/// </code>
/// </summary>
internal static class LaneDrawing
{
    // Wider drawings wrap in a terminal and become unreadable; then the list of operations alone is better.
    private const int EventsMax = 60;

    public static string Draw(IReadOnlyList<Operation> operations, Operation? culprit)
    {
        var columns = Columns(operations);
        var labels = operations.Select(OperationText.Describe).ToList();
        var labelWidth = labels.Count == 0 ? 0 : labels.Max(label => label.Length);
        var text = new StringBuilder();
        for (var row = 0; row < operations.Count; row++)
        {
            var operation = operations[row];
            var lane = columns.Count <= EventsMax ? Lane(operation, columns) : "";
            text.Append(labels[row].PadRight(labelWidth)).Append("  ").Append(lane);
            text.Append("  ").Append(Times(operation));
            if (ReferenceEquals(operation, culprit))
            {
                text.Append("  <- nothing explains this");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static Dictionary<long, int> Columns(IReadOnlyList<Operation> operations)
    {
        var indexes = new SortedSet<long>();
        foreach (var operation in operations)
        {
            indexes.Add(operation.InvokedIndex);
            if (operation.CompletedIndex != Operation.Never)
            {
                indexes.Add(operation.CompletedIndex);
            }
        }

        return indexes.Select((index, column) => (index, column)).ToDictionary(pair => pair.index, pair => pair.column);
    }

    private static string Lane(Operation operation, Dictionary<long, int> columns)
    {
        const int ColumnWidth = 2;
        var width = (columns.Count * ColumnWidth) + 2;
        var begin = columns[operation.InvokedIndex] * ColumnWidth;
        var lane = new StringBuilder().Append(' ', begin).Append('|');
        if (operation.CompletedIndex == Operation.Never)
        {
            return lane.Append('-', Math.Max(1, width - begin - 4)).Append("...").ToString();
        }

        var end = columns[operation.CompletedIndex] * ColumnWidth;
        return lane.Append('-', end - begin - 1).Append('|').ToString().PadRight(width);
    }

    private static string Times(Operation operation) => operation.CompletedNanoseconds == Operation.Never
        ? string.Create(CultureInfo.InvariantCulture, $"{OperationText.Milliseconds(operation.InvokedNanoseconds)} ..")
        : string.Create(CultureInfo.InvariantCulture, $"{OperationText.Milliseconds(operation.InvokedNanoseconds)} .. {OperationText.Milliseconds(operation.CompletedNanoseconds)}");
}
