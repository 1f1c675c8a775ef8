using System.Xml.Linq;

namespace KvRaft.Tidy.Tests;

/// <summary>References between assemblies follow the direction of a request; ARCHITECTURE.md has the picture.</summary>
public class ArrowTests
{
    private static readonly Dictionary<string, string[]> Arrows = new(StringComparer.Ordinal)
    {
        ["src/Topology"] = [],
        ["src/Contracts"] = [],
        ["src/Storage"] = ["src/Topology"],
        ["src/Raft"] = ["src/Storage", "src/Topology"],
        ["src/Eventual"] = ["src/Storage", "src/Topology"],
        ["src/Placement"] = ["src/Raft", "src/Storage", "src/Topology"],
        ["src/Node"] = ["src/Contracts", "src/Placement", "src/Raft", "src/Eventual", "src/Storage", "src/Topology"],
        ["src/Client"] = ["src/Contracts", "src/Topology"],
        ["src/Cli"] = ["src/Client", "src/Contracts"],
        ["chaos/Checkers"] = [],
        ["chaos/Harness"] = ["src/Client", "chaos/Checkers"],
    };

    [Fact]
    public void Projects_of_src_and_chaos_reference_only_what_the_table_permits()
    {
        var components = Repository.Projects.Where(project => Repository.IsUnder(project, "src", "chaos")).ToDictionary(FolderOf, ReferencesOf);
        Assert.NotEmpty(components);
        Findings.AssertNone(
            components.Keys.Except(Arrows.Keys).Select(component => $"{component} is not in the table")
                .Concat(components.Where(component => Arrows.ContainsKey(component.Key)).SelectMany(component =>
                {
                    // A project that does not exist yet is not a missing reference.
                    var wanted = Arrows[component.Key].Where(components.ContainsKey).ToArray();
                    return component.Value.Except(wanted).Select(other => $"{component.Key} must not reference {other}")
                        .Concat(wanted.Except(component.Value).Select(other => $"{component.Key} should reference {other}"));
                })),
            "Project references");
    }

    [Fact]
    public void Nothing_in_src_references_tests_or_chaos() =>
        Findings.AssertNone(
            Repository.Projects.Where(project => Repository.IsUnder(project, "src"))
                .SelectMany(project => ReferencesOf(project).Where(other => !Repository.IsUnder(other, "src")).Select(other => $"{project} → {other}")),
            "Only src is shipped");

    [Fact]
    public void Raft_and_Placement_use_only_the_contract_types_of_Storage() =>
        Findings.AssertNone(
            Repository.CSharp("src/Raft", "src/Placement").SelectMany(file => Repository.CodeLines(file)
                .Where(static line => line.Code.Contains("KvRaft.Storage.", StringComparison.Ordinal)
                    || line.Code.Contains("using Storage.", StringComparison.Ordinal))
                .Select(line => $"{file}:{line.Number}: {line.Code}")),
            "Below the contract (namespace KvRaft.Storage) is the shards' own business");

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = Repository.Read("KvRaft.sln").Replace('\\', '/');
        Findings.AssertNone(
            Repository.Projects.Where(project => !solution.Contains($"\"{project}\"", StringComparison.Ordinal)), "Not in KvRaft.sln");
    }

    internal static IEnumerable<string> Items(string project, string kind, string attribute = "Include") =>
        Repository.ReadXml(project).Descendants(kind).Select(item => item.Attribute(attribute)).OfType<XAttribute>().Select(found => found.Value);

    internal static string FolderOf(string project) => Path.GetDirectoryName(project)!.Replace('\\', '/');

    private static string[] ReferencesOf(string project) =>
    [
        .. Items(project, "ProjectReference").Select(include =>
            FolderOf(Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, FolderOf(project), include))))),
    ];
}
