using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace KvRaft.Cli.Output;

/// <summary>
/// Rows of cells for every output format. Column names are lower case with underscores; tables print them in capitals, JSON uses them unchanged,
/// plain omits them. Cells are null, text, numbers, booleans or lists of text.
/// </summary>
internal sealed class Listing(params string[] columns)
{
    private readonly List<object?[]> _rows = [];

    public void Add(params object?[] cells)
    {
        if (cells.Length != columns.Length)
        {
            throw new ArgumentException($"{cells.Length} cells for {columns.Length} columns.", nameof(cells));
        }

        _rows.Add(cells);
    }

    public void WriteTo(TextWriter output, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json: WriteJson(output); break;
            case OutputFormat.Jsonl: WriteJsonLines(output); break;
            case OutputFormat.Table: WriteTable(output); break;
            default: WritePlain(output); break;
        }
    }

    private void WriteJson(TextWriter output) => output.WriteLine(JsonText.Write(
        writer =>
        {
            writer.WriteStartArray();
            foreach (var row in _rows)
            {
                WriteObject(writer, row);
            }

            writer.WriteEndArray();
        },
        indented: true));

    private void WriteJsonLines(TextWriter output)
    {
        foreach (var row in _rows)
        {
            output.WriteLine(JsonText.Write(writer => WriteObject(writer, row)));
        }
    }

    private void WriteObject(Utf8JsonWriter writer, object?[] row)
    {
        writer.WriteStartObject();
        for (var i = 0; i < columns.Length; i++)
        {
            writer.WritePropertyName(columns[i]);
            JsonText.WriteValue(writer, row[i]);
        }

        writer.WriteEndObject();
    }

    private void WritePlain(TextWriter output)
    {
        foreach (var row in _rows)
        {
            output.WriteLine(string.Join('\t', row.Select(Text)));
        }
    }

    private void WriteTable(TextWriter output)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(Markup.Escape(column.ToUpperInvariant().Replace('_', ' '))) { NoWrap = true });
        }

        foreach (var row in _rows)
        {
            table.AddRow([.. row.Select(cell => Markup.Escape(Text(cell) is { Length: > 0 } text ? text : "-"))]);
        }

        Terminal.Create(output).Write(table);
    }

    private static string Text(object? cell) => cell switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "yes" : "no",
        double number => number.ToString("0.##", CultureInfo.InvariantCulture),
        IEnumerable<string> list => string.Join(',', list),
        _ => Convert.ToString(cell, CultureInfo.InvariantCulture)!,
    };
}
