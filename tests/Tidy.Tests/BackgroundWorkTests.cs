using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>
/// Work that nothing awaits is started by <c>BackgroundTasks</c> (in a node: by <c>NodeFailure</c>), which gives an exception that the work does not handle to its owner. The places below do
/// without, each for its reason.
/// </summary>
public class BackgroundWorkTests
{
    private static readonly Dictionary<string, string> Without = new(StringComparer.Ordinal)
    {
        ["src/Eventual/Coordinators/GetCoordinator.cs"] = "work of one request, whose every exception is its caller's",
        ["src/Eventual/Coordinators/PutCoordinator.cs"] = "work of one request, whose every exception is its caller's",
        ["src/Eventual/Replicas/EventualReplica.cs"] = "catches everything and fails the replica, which EventualWatch makes the node's failure",
        ["src/Eventual/Replicas/EventualReplica.Outages.cs"] = "the writer takes up the result of a copy, and a mark that is not written costs nothing",
        ["src/Node/Http/ClientConnections.cs"] = "the end of one connection",
        ["src/Node/EventualKeys/EventualForwarder.cs"] = "a question of one request, which never throws",
        ["src/Node/KeyValue/MultiGetStreams.cs"] = "work of one request, which never throws",
        ["src/Node/Cluster/PeerDirectory.cs"] = "closes a channel that nothing uses any more",
        ["src/Node/KeyValue/PipeSession.cs"] = "work of one request, which never throws",
        ["src/Node/Administration/WholeShardWork.cs"] = "awaited",
        ["src/Node/Administration/PlacementCalls.cs"] = "a read of one request whose answer is not needed",
        ["src/Raft/Consensus/Applier.cs"] = "catches everything and fails the replica; the other is awaited",
        ["src/Raft/Background/BackgroundTasks.cs"] = "the rule itself",
        ["src/Raft/Digests/DigestPace.cs"] = "awaited",
        ["src/Raft/Proposals/ProposalQueue.cs"] = "catches everything: each exception is an outcome of the proposals",
        ["src/Raft/Groups/CheckpointSource.cs"] = "awaited",
        ["src/Raft/Groups/RaftHost.cs"] = "awaited",
        ["src/Raft/Reads/SharedRounds.cs"] = "passes every exception to the waiting callers",
        ["src/Raft/Transport/OutgoingConnection.cs"] = "the end of one connection",
    };

    private static readonly ILookup<string, string> Found = Repository.CSharp("src/Eventual", "src/Node", "src/Placement", "src/Raft", "src/Storage")
        .SelectMany(static file => Repository.CodeLines(file)
            .Where(static line => Regex.IsMatch(line.Code, @"\bTask\.(Run|Factory\.StartNew)\(|\b_ = .*Async\(") && !Regex.IsMatch(line.Code, @"(?i)background\.\w+\(|^_ = await "))
            .Select(line => (file, text: $"{file}:{line.Number}: {line.Code}")))
        .ToLookup(static found => found.file, static found => found.text);

    [Fact]
    public void Background_work_has_an_owner_that_receives_its_faults() =>
        Findings.AssertNone(Found.Where(static file => !Without.ContainsKey(file.Key)).SelectMany(static file => file), "Started without BackgroundTasks");

    [Fact]
    public void No_exception_of_the_rule_is_left_over() =>
        Findings.AssertNone(Without.Keys.Where(static file => !Found.Contains(file)), "Listed, and starts nothing");
}
