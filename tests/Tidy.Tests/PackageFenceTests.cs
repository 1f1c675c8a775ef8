using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace KvRaft.Tidy.Tests;

/// <summary>Each third-party engine is used in one project, so that it can be replaced in one project.</summary>
public class PackageFenceTests
{
    private static readonly string[] Edges = ["src/Contracts", "src/Node", "src/Client", "src/Cli", "tests", "chaos"];

    // The packages that a project of src may reference, by the beginning of their names. Analysers, which are not part of a product, are not checked.
    private static readonly Dictionary<string, string[]> Packages = new(StringComparer.Ordinal)
    {
        ["src/Topology"] = ["System.IO.Hashing"],
        ["src/Contracts"] = ["Google.Protobuf", "Google.Api.CommonProtos", "Grpc.Core.Api", "Grpc.Tools"],
        ["src/Storage"] = ["RocksDB", "ZstdSharp.Port", "System.IO.Hashing"],
        ["src/Raft"] = ["DotNext"],
        ["src/Eventual"] = ["System.IO.Hashing"],
        ["src/Placement"] = [],
        ["src/Node"] = ["Grpc.", "Microsoft.AspNetCore.Grpc.JsonTranscoding", "OpenTelemetry.", "Microsoft.Extensions.Hosting.Systemd", "System.CommandLine"],
        ["src/Client"] = ["Grpc.Net.Client", "Grpc.StatusProto", "Microsoft.Extensions."],
        ["src/Cli"] = ["System.CommandLine", "Spectre.Console"],
    };

    [Fact]
    public void Components_reference_only_packages_they_may_name() =>
        Findings.AssertNone(
            Repository.Projects.Where(static project => Repository.IsUnder(project, "src")).SelectMany(project =>
                Named(project)
                    .Where(package => !Packages.GetValueOrDefault(ArrowTests.FolderOf(project), [])
                        .Any(allowed => package.StartsWith(allowed, StringComparison.Ordinal)))
                    .Select(package => $"{project}: {package}")),
            "Packages outside their component");

    [Theory]
    [InlineData(@"\bDotNext\.", "src/Raft", "tests/Raft.Tests", "tests/Simulation", "tests/Benchmarks")]
    [InlineData(@"\bRocksDbSharp\b", "src/Storage/Engine", "tests/Storage.Tests", "tests/Benchmarks")]
    [InlineData(@"\bOpenTelemetry\.", "src/Node", "tests")]
    [InlineData(@"\bSpectre\.Console\b", "src/Cli", "tests")]
    public void Code_names_an_engine_in_its_component_only(string name, params string[] components) => AssertFence(name, components);

    [Fact]
    public void Code_names_gRPC_at_the_edges_only() => AssertFence(@"\bGrpc\.|\bGoogle\.Protobuf\b", Edges);

    [Fact]
    public void Versions_are_in_Directory_Packages_props_only()
    {
        Findings.AssertNone(
            Repository.Files
                .Where(static file => file.EndsWith(".csproj", StringComparison.Ordinal) || file.EndsWith(".props", StringComparison.Ordinal)
                    || file.EndsWith(".targets", StringComparison.Ordinal))
                .Where(static file => file != "Directory.Packages.props")
                .SelectMany(static file => Repository.ReadXml(file).Descendants()
                    .Where(static item => item.Name.LocalName is "PackageReference" or "PackageVersion")
                    .Where(static item => item.Name.LocalName == "PackageVersion"
                        || item.Attribute("Version") is not null || item.Attribute("VersionOverride") is not null || item.Element("Version") is not null)
                    .Select(item => $"{file}: {item}")),
            "Versions are central");
    }

    [Fact]
    public void Central_versions_are_exact_and_each_package_has_one()
    {
        var versions = Repository.ReadXml("Directory.Packages.props").Descendants("PackageVersion")
            .Select(static item => (Name: item.Attribute("Include")!.Value, Version: item.Attribute("Version")!.Value)).ToArray();
        Findings.AssertNone(versions.Where(static item => item.Version.AsSpan().IndexOfAny("*[]()") >= 0).Select(static item => $"{item}"), "A build must not depend on its day");
        Findings.AssertNone(versions.GroupBy(static item => item.Name).Where(static group => group.Count() > 1).Select(static group => group.Key), "Two versions");
    }

    private static IEnumerable<string> Named(string project) => Repository.ReadXml(project).Descendants("PackageReference")
        .Where(static item => item.Attribute("Include") is not null)
        .Where(static item => !IsAnalyzer(item))
        .Select(static item => item.Attribute("Include")!.Value);

    private static bool IsAnalyzer(XElement item) => item.Attribute("Include")!.Value.EndsWith("Analyzers", StringComparison.Ordinal);

    private static void AssertFence(string name, string[] components)
    {
        // This project contains the names that it looks for.
        var outside = Repository.CSharp("src", "tests", "chaos").Where(file => !Repository.IsUnder(file, [.. components, "tests/Tidy.Tests"])).ToArray();
        Assert.NotEmpty(outside);
        Findings.AssertNone(
            outside.SelectMany(file => Repository.CodeLines(file)
                .Where(line => Regex.IsMatch(line.Code, name))
                .Select(line => $"{file}:{line.Number}: {line.Code}")),
            $"{name} belongs to {string.Join(", ", components)}");
    }
}
