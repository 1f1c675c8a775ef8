using System.Globalization;

namespace KvRaft.Benchmarks.Cells;

/// <summary>A table in Markdown, so that the output can be saved; cells are padded so that it can also be read in a terminal.</summary>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public override string ToString()
    {
        var widths = headings.Select((heading, column) => _rows.Append(headings).Max(row => row[column].Length)).ToArray();
        var lines = new List<string> { Line(headings, widths), "|" + string.Concat(widths.Select((width, column) => Rule(width, column))) };
        lines.AddRange(_rows.Select(row => Line(row, widths)));
        return string.Join('\n', lines);
    }

    /// <summary>Three significant digits, more than a busy machine can measure.</summary>
    public static string Number(double value) => value switch
    {
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    // The first column is text, all others are numbers.
    private static string Rule(int width, int column) => column == 0 ? $" {new string('-', width)} |" : $" {new string('-', width - 1)}: |";

    private static string Line(string[] cells, int[] widths) =>
        "|" + string.Concat(cells.Select((cell, column) => column == 0 ? $" {cell.PadRight(widths[column])} |" : $" {cell.PadLeft(widths[column])} |"));
}
