using KvRaft.Cli.Output;

namespace KvRaft.Cli.Tests.Output;

public sealed class ListingTests
{
    [Fact]
    public void Plain_is_tabs_without_headers()
    {
        Assert.Equal("n1\t3\ta,b\n\t0.5\t\n", Render(OutputFormat.Plain));
    }

    [Fact]
    public void Json_is_objects_with_the_names_of_the_columns()
    {
        Assert.Equal(
            "[{\"node_id\":\"n1\",\"load\":3,\"tags\":[\"a\",\"b\"]},{\"node_id\":null,\"load\":0.5,\"tags\":[]}]",
            Render(OutputFormat.Json).Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal));
    }

    [Fact]
    public void Json_lines_are_an_object_each()
    {
        Assert.Equal("{\"node_id\":\"n1\",\"load\":3,\"tags\":[\"a\",\"b\"]}\n{\"node_id\":null,\"load\":0.5,\"tags\":[]}\n", Render(OutputFormat.Jsonl));
    }

    [Fact]
    public void A_table_has_headers_in_capitals_and_a_dash_for_nothing()
    {
        var lines = Render(OutputFormat.Table).Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

        Assert.Equal(["NODE ID LOAD TAGS", "n1 3 a,b", "- 0.5 -"], lines.Where(line => line.Length > 0));
    }

    [Fact]
    public void Square_brackets_are_text()
    {
        var listing = new Listing("x");
        listing.Add("[red]");
        using var writer = new StringWriter();

        listing.WriteTo(writer, OutputFormat.Table);

        Assert.Contains("[red]", writer.ToString(), StringComparison.Ordinal);
    }

    private static string Render(OutputFormat format)
    {
        var listing = new Listing("node_id", "load", "tags");
        listing.Add("n1", 3, new[] { "a", "b" });
        listing.Add(null, 0.5, Array.Empty<string>());
        using var writer = new StringWriter { NewLine = "\n" };
        listing.WriteTo(writer, format);
        return writer.ToString();
    }
}
