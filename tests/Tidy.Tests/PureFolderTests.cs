namespace KvRaft.Tidy.Tests;

/// <summary>
/// Decisions are functions of values: no clock, no randomness, no I/O. The analyser enforces this where it is enabled; this test checks that it is
/// enabled.
/// </summary>
public class PureFolderTests
{
    public static TheoryData<string, string> PureFolders => new()
    {
        { "src/Topology", "src/Topology/KvRaft.Topology.csproj" },
        { "src/Storage/Schema", "src/Storage/KvRaft.Storage.csproj" },
        { "src/Storage/Commands", "src/Storage/KvRaft.Storage.csproj" },
        { "src/Storage/State", "src/Storage/KvRaft.Storage.csproj" },
        { "src/Storage/Sessions", "src/Storage/KvRaft.Storage.csproj" },
        { "src/Storage/Rules", "src/Storage/KvRaft.Storage.csproj" },
        { "src/Storage/Shards", "src/Storage/KvRaft.Storage.csproj" },
        { "src/Placement/Planning", "src/Placement/KvRaft.Placement.csproj" },
        { "src/Placement/State", "src/Placement/KvRaft.Placement.csproj" },
        { "src/Placement/Rules", "src/Placement/KvRaft.Placement.csproj" },
        { "src/Placement/Codecs", "src/Placement/KvRaft.Placement.csproj" },
        { "src/Placement/Machine", "src/Placement/KvRaft.Placement.csproj" },
        { "src/Eventual/Causality", "src/Eventual/KvRaft.Eventual.csproj" },
        { "src/Eventual/Values", "src/Eventual/KvRaft.Eventual.csproj" },
        { "src/Eventual/Quorum", "src/Eventual/KvRaft.Eventual.csproj" },
        { "src/Eventual/Trees", "src/Eventual/KvRaft.Eventual.csproj" },
        { "chaos/Checkers", "chaos/Checkers/KvRaft.Chaos.Checkers.csproj" },
    };

    [Theory]
    [MemberData(nameof(PureFolders))]
    public void Banned_calls_are_errors_in_pure_folders(string folder, string project)
    {
        Assert.NotEmpty(Repository.CSharp(folder));
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", ArrowTests.Items(project, "PackageReference"));
        Assert.Contains(ArrowTests.Items(project, "AdditionalFiles"), file => file.EndsWith("BannedSymbols.Pure.txt", StringComparison.Ordinal));
        Assert.Contains(
            $"[{folder}/**.cs]\ndotnet_diagnostic.RS0030.severity = error",
            Repository.Read(".editorconfig").ReplaceLineEndings("\n"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void No_file_silences_the_ban() =>
        Findings.AssertNone(
            Repository.CSharp("src", "chaos").Where(file => Repository.Read(file).Contains("RS0030", StringComparison.Ordinal)),
            "A change of the list of banned calls must apply to all projects");
}
