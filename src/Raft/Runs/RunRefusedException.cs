using KvRaft.Topology;

namespace KvRaft.Raft.Runs;

/// <summary>Another node refuses this one permanently. The message contains the reason and the next step.</summary>
public sealed class RunRefusedException : Exception
{
    internal RunRefusedException(NodeId self, NodeId by, RunVerdict verdict)
        : base(Describe(self, by, verdict))
    {
    }

    private static string Describe(NodeId self, NodeId by, RunVerdict verdict)
    {
        var reason = verdict switch
        {
            RunVerdict.StillRunning => $"node {by} is connected to another process of node {self}. Stop that process, or this one",
            RunVerdict.Superseded => $"node {by} has seen a later start of node {self}: this data directory is an older copy, or another process runs on a copy of it",
            _ => $"node {by} has seen more of this node's log than this data directory holds: it is an older copy, or its disk lost synced data",
        };
        return verdict == RunVerdict.StillRunning
            ? reason
            : $"{reason}. If the data directory that was used last still exists, start the node with it. Otherwise start the node under another name with 'join', then: kvctl node replace {self} NEW --now --wait";
    }
}
