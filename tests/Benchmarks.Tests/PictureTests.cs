using System.Globalization;
using System.Xml.Linq;
using KvRaft.Benchmarks.SideBySide;

namespace KvRaft.Benchmarks.Tests;

public class PictureTests
{
    [Theory]
    [InlineData(10, 0)]
    [InlineData(100, 0.5)]
    [InlineData(1000, 1)]
    public void A_factor_is_a_distance(double value, double height) => Assert.Equal(height, Picture.Height(value, 10, 1000), 9);

    [Fact]
    public void Each_system_has_a_line_and_the_faster_one_is_above()
    {
        var svg = XDocument.Parse(Picture.Of(
        [
            Some.Cell("etcd", clients: 1, throughput: 300), Some.Cell("etcd", clients: 64, throughput: 3000),
            Some.Cell("kvraft typed", clients: 1, throughput: 900), Some.Cell("kvraft typed", clients: 64, throughput: 20_000),
        ]));

        var lines = svg.Descendants().Where(static element => element.Name.LocalName == "polyline")
            .Select(static line => line.Attribute("points")!.Value.Split(' ').Select(static point => double.Parse(point.Split(',')[1], CultureInfo.InvariantCulture)).ToArray())
            .ToArray();

        Assert.Equal(4, lines.Length);
        Assert.All(lines, static line => Assert.Equal(2, line.Length));
        Assert.All(lines[0].Zip(lines[1]), static pair => Assert.True(pair.Second < pair.First, "A better throughput is nearer the top."));
    }
}
