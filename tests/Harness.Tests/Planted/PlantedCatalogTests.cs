using System.Text.RegularExpressions;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Planted;

namespace KvRaft.Harness.Tests.Planted;

/// <summary>The two halves of a planted bug must match, and neither may be in an ordinary build.</summary>
public class PlantedCatalogTests
{
    private static readonly string[] Sources =
        [.. Directory.EnumerateFiles(Path.Combine(Root(), "src"), "*.cs", SearchOption.AllDirectories).Where(file => File.ReadAllText(file).Contains("PlantedBug", StringComparison.Ordinal))];

    [Fact]
    public void Every_planted_bug_is_in_the_store_once_and_in_the_catalog_once()
    {
        var planted = Sources.SelectMany(file => Regex.Matches(File.ReadAllText(file), @"PlantedBug\.Is\(""([a-z-]+)""\)").Select(match => match.Groups[1].Value));
        Assert.Equal(PlantedCatalog.All.Select(kind => kind.Name).Order(StringComparer.Ordinal), planted.Order(StringComparer.Ordinal));
        Assert.True(PlantedCatalog.All.Count >= 14);
    }

    [Fact]
    public void Every_planted_bug_has_a_cell_of_the_matrix() =>
        Assert.All(PlantedCatalog.All, kind => Assert.Contains(kind.Scenario, ScenarioMatrix.All));

    [Fact]
    public void No_planted_bug_is_outside_its_build_constant()
    {
        Assert.NotEmpty(Sources);
        Assert.All(Sources, file =>
        {
            var inside = false;
            foreach (var line in File.ReadLines(file))
            {
                inside = line.StartsWith("#if PLANTED_BUGS", StringComparison.Ordinal) || (inside && !line.StartsWith("#endif", StringComparison.Ordinal));
                Assert.True(inside || !line.Contains("PlantedBug", StringComparison.Ordinal), $"{file}: {line}");
            }
        });
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "KvRaft.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
