namespace KvRaft.Tidy.Tests;

/// <summary>
/// Inside a project as between projects, folders are subjects and arrows point down: a folder uses types of folders that stand before it in the order of its project,
/// and of no other. So folders form no circles, and a request that is followed through the code does not return to a folder.
/// </summary>
public sealed class FolderArrowTests(FolderArrowTests.Graph graph) : IClassFixture<FolderArrowTests.Graph>
{
    /// <summary>The folders of each project, bottom up; <c>.</c> stands for files that are directly in the project.</summary>
    private static readonly Dictionary<string, string[]> Orders = new(StringComparer.Ordinal)
    {
        ["src/Cli"] = ["Output", "Hosting", "Import", "Lines", "Commands", "."],
        ["src/Client"] = ["Options", "Serialization", "Values", "Failures", "Sessions", "Telemetry", "Transport", "Routing", "Requests", "Keyspaces", "Siblings", "Administration", ".", "Hosting"],
        ["src/Contracts"] = ["."],
        ["src/Eventual"] = ["Causality", "Trees", "Values", "Quorum", "Replicas", "Coordinators", "Repair"],
        ["src/Node"] = ["Options", "Telemetry", "Lifecycle", "Requests", "Answers", "Security", "Bodies", "Http", "Cluster", "Shards", "Ranges", "ShardRequests", "Routing", "KeyValue", "EventualKeys", "Control", "Administration", "Hosting", "Verbs", "."],
        ["src/Placement"] = ["Store", "State", "Rules", "Codecs", "Machine", "Planning"],
        ["src/Raft"] = ["Background", "Log", "Telemetry", "Security", "Clocks", "Runs", "Transport", "Membership", "Options", "Peers", "Proposals", "Digests", "Consensus", "Reads", "Catchup", "Leadership", "Groups", "Planted"],
        ["src/Storage"] = [".", "Engine", "Schema", "Commands", "State", "Sessions", "Rules", "Shards"],
        ["src/Topology"] = ["."],
        ["chaos/Checkers"] = ["History", "Verdicts", "Transactions", "Aggregates", "Causal", "Availability", "Registers", "Expiry", "Logs", "Timeline", "Judging"],
        ["chaos/Harness"] = ["Machine", "Links", "Cluster", "Measures", "Workloads", "Faults", "Matrix", "Report", "Scenarios", "Planted", "Campaigns", "."],
    };

    /// <summary>Arrows that point up all the same. Each has its reason; one that is not needed any more fails the test.</summary>
    private static readonly (string Project, string From, string To, string Reason)[] Exceptions = [];

    public static TheoryData<string> Projects => [.. Repository.Projects.Where(static project => Repository.IsUnder(project, "src", "chaos")).Select(ArrowTests.FolderOf)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_use_only_folders_below_them(string project)
    {
        Assert.True(Orders.TryGetValue(project, out var order), $"{project} has no order of folders");
        Findings.AssertNone(
            graph.Uses[project]
                .Where(use => Array.IndexOf(order, use.To) > Array.IndexOf(order, use.From))
                .Where(use => !Exceptions.Any(known => known.Project == project && known.From == use.From && known.To == use.To))
                .Select(static use => $"{use.From} → {use.To}: {use}"),
            $"Arrows of {project} that point up");
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void The_order_names_the_folders_there_are(string project)
    {
        var folders = Repository.CSharp(project).Select(file => FolderGraph.FolderOf(file[(project.Length + 1)..])).ToHashSet(StringComparer.Ordinal);
        Findings.AssertNone(
            folders.Except(Orders[project]).Select(static folder => $"{folder} has no place in the order")
                .Concat(Orders[project].Except(folders).Select(static folder => $"{folder} does not exist")),
            $"Folders of {project}");
    }

    [Fact]
    public void Every_exception_is_needed()
    {
        Assert.All(Exceptions, static known => Assert.NotEmpty(known.Reason));
        Findings.AssertNone(
            Exceptions.Where(known => !graph.Uses[known.Project].Any(use => use.From == known.From && use.To == known.To))
                .Select(static known => $"{known.Project}: {known.From} → {known.To}"),
            "Exceptions that no code needs");
    }

    // The analysis itself, on code that is small enough to see.
    [Theory]
    [InlineData("class User { Low.Thing? thing; }", "Thing")]
    [InlineData("using Low; class User { void Run() => _ = new Thing(); }", "Thing")]
    [InlineData("using static Low.Maker; class User { void Run() => Make(); }", "Maker.Make")]
    [InlineData("class User { void Run() { var thing = High.Source.Next(); thing.Grow(); } }", "Source Source.Next Thing.Grow")]
    [InlineData("using Low; class User { int Run(string text) => text.Twice(); }", "Maker.Twice")]
    [InlineData("using Low; class User { int Run() => Unknown.Of(Thing.Sizes[0]); }", "Thing Thing.Sizes")]
    [InlineData("using Low; class User { void Run() { Thing.Inner inner = new(); } }", "Thing")]
    [InlineData("using Low; /* Thing */ class User { string Thing => nameof(User); }", "")]
    public void Sees_what_a_file_uses(string text, string names) =>
        Assert.Equal(
            names,
            string.Join(' ', FolderGraph.Of(
                ("Low/Thing.cs", "namespace Low; public class Thing { public static int[] Sizes = []; public void Grow() { } public class Inner; }"),
                ("Low/Maker.cs", "namespace Low; public static class Maker { public static Thing Make() => new(); public static int Twice(this string text) => 2; }"),
                ("High/Source.cs", "namespace High; public static class Source { public static Low.Thing Next() => new(); }"),
                ("User/User.cs", text)).Where(static use => use.From == "User").Select(static use => use.Name).Order(StringComparer.Ordinal)));

    [Fact]
    public void A_type_is_at_home_in_the_file_of_its_name()
    {
        var use = Assert.Single(FolderGraph.Of(
            ("Parts/Whole.Chapter.cs", "partial class Whole;"), ("Parts/Whole.cs", "partial class Whole;"), ("Program.cs", "class Program { Whole? whole; }")));

        Assert.Equal(new FolderUse("Program.cs", "Parts/Whole.cs", "Whole"), use);
        Assert.Equal((FolderGraph.Root, "Parts"), (use.From, use.To));
    }

    /// <summary>All projects, compiled once.</summary>
    public sealed class Graph
    {
        internal IReadOnlyDictionary<string, IReadOnlyList<FolderUse>> Uses { get; } = FolderGraph.OfRepository("src", "chaos");
    }
}
