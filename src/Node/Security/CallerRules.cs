using System.Collections.Frozen;

namespace KvRaft.Node.Security;

/// <summary>The callers that may make a call.</summary>
internal enum CallerKind
{
    /// <summary>Clients and operators, and nodes on their behalf.</summary>
    Anyone,

    /// <summary>Nodes of the cluster: the call changes the data of replicas or the identity of nodes, and relies on the checks of the caller.</summary>
    Node,

    /// <summary>
    /// As <see cref="Node"/>, from a node that has only the address of the called node, not its name: it starts, or wants to join.
    /// </summary>
    Newcomer,
}

/// <summary>
/// The callers that may make each call: every method of every service that a node maps, by its full name. A method that is not listed is refused, so a new one is closed
/// until a rule is added for it; a test compares the list with the protos and with the mapped methods.
/// </summary>
internal static class CallerRules
{
    /// <summary>Set on calls that come from another node, for those whose request has no header with <c>no_forward</c>. Only a node may set it.</summary>
    public const string ForwardedKey = "kvraft-forwarded";

    private static readonly FrozenDictionary<string, CallerKind> Rules = new Dictionary<string, CallerKind>(StringComparer.Ordinal)
    {
        // The data plane.
        ["/kvraft.v1.Kv/Get"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Put"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Delete"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/PutIfExpected"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Increment"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Touch"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/MultiGet"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/MultiGetStream"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/MultiSet"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Txn"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/DeleteRange"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Scan"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/GetRequestResult"] = CallerKind.Anyone,
        ["/kvraft.v1.Kv/Pipe"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualKv/Get"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualKv/Put"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualKv/Delete"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualKv/Update"] = CallerKind.Anyone,

        // Routing and keyspaces.
        ["/kvraft.v1.Routing/Hello"] = CallerKind.Anyone,
        ["/kvraft.v1.Routing/GetRoutes"] = CallerKind.Anyone,
        ["/kvraft.v1.Routing/WatchRoutes"] = CallerKind.Anyone,
        ["/kvraft.v1.Routing/Locate"] = CallerKind.Anyone,
        ["/kvraft.v1.Keyspaces/Create"] = CallerKind.Anyone,
        ["/kvraft.v1.Keyspaces/Alter"] = CallerKind.Anyone,
        ["/kvraft.v1.Keyspaces/Drop"] = CallerKind.Anyone,
        ["/kvraft.v1.Keyspaces/Get"] = CallerKind.Anyone,
        ["/kvraft.v1.Keyspaces/List"] = CallerKind.Anyone,
        ["/kvraft.v1.Keyspaces/GetLimits"] = CallerKind.Anyone,

        // For operators, which have no identity of their own yet.
        ["/kvraft.v1.Admin/Status"] = CallerKind.Anyone,
        ["/kvraft.v1.Admin/Digest"] = CallerKind.Anyone,
        ["/kvraft.v1.Admin/Flush"] = CallerKind.Anyone,
        ["/kvraft.v1.Admin/Snapshot"] = CallerKind.Anyone,
        ["/kvraft.v1.Admin/Resign"] = CallerKind.Anyone,
        ["/kvraft.v1.Moves/MoveShard"] = CallerKind.Anyone,
        ["/kvraft.v1.Moves/CancelMove"] = CallerKind.Anyone,
        ["/kvraft.v1.Moves/ListMoves"] = CallerKind.Anyone,
        ["/kvraft.v1.Nodes/List"] = CallerKind.Anyone,
        ["/kvraft.v1.Nodes/Drain"] = CallerKind.Anyone,
        ["/kvraft.v1.Plans/Stage"] = CallerKind.Anyone,
        ["/kvraft.v1.Plans/Show"] = CallerKind.Anyone,
        ["/kvraft.v1.Plans/Commit"] = CallerKind.Anyone,
        ["/kvraft.v1.Plans/Clear"] = CallerKind.Anyone,
        ["/kvraft.v1.Operators/List"] = CallerKind.Anyone,
        ["/kvraft.v1.Operators/Cancel"] = CallerKind.Anyone,
        ["/kvraft.v1.Operators/Hold"] = CallerKind.Anyone,
        ["/kvraft.v1.Schedulers/List"] = CallerKind.Anyone,
        ["/kvraft.v1.Schedulers/Pause"] = CallerKind.Anyone,
        ["/kvraft.v1.Schedulers/Resume"] = CallerKind.Anyone,
        ["/kvraft.v1.Schedulers/GetConfig"] = CallerKind.Anyone,
        ["/kvraft.v1.Schedulers/SetConfig"] = CallerKind.Anyone,
        ["/kvraft.v1.Ring/Show"] = CallerKind.Anyone,
        ["/kvraft.v1.Ring/Diff"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualRepair/ListHints"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualRepair/DropHints"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualRepair/RepairStatus"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualRepair/RunRepair"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualRepair/PauseRepair"] = CallerKind.Anyone,
        ["/kvraft.v1.EventualRepair/TopSiblings"] = CallerKind.Anyone,

        // Hashes of a node's data, as Digest is for shards: it reads, changes nothing, and shows whether copies are equal.
        ["/kvraft.v1.EventualTrees/Roots"] = CallerKind.Anyone,

        // Between nodes.
        ["/kvraft.v1.Admin/Heartbeat"] = CallerKind.Node,
        ["/kvraft.v1.Moves/FinishMove"] = CallerKind.Node,
        ["/kvraft.v1.Nodes/Register"] = CallerKind.Node,
        ["/kvraft.v1.Nodes/Farewell"] = CallerKind.Node,
        ["/kvraft.v1.Nodes/Join"] = CallerKind.Newcomer,
        ["/kvraft.v1.Nodes/Standing"] = CallerKind.Newcomer,
        ["/kvraft.v1.EventualPeers/Fetch"] = CallerKind.Node,
        ["/kvraft.v1.EventualPeers/Store"] = CallerKind.Node,
        ["/kvraft.v1.EventualPeers/Hear"] = CallerKind.Node,
        ["/kvraft.v1.EventualTrees/Buckets"] = CallerKind.Node,
        ["/kvraft.v1.EventualTrees/BucketKeys"] = CallerKind.Node,
        ["/kvraft.v1.EventualTrees/ConfirmKept"] = CallerKind.Node,
        ["/kvraft.v1.EventualTrees/ConfirmTombstones"] = CallerKind.Node,
        ["/kvraft.v1.EventualTrees/RemoveTombstones"] = CallerKind.Node,

        // Of gRPC itself.
        ["/grpc.health.v1.Health/Check"] = CallerKind.Anyone,
        ["/grpc.health.v1.Health/Watch"] = CallerKind.Anyone,
        ["/grpc.health.v1.Health/List"] = CallerKind.Anyone,
        ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"] = CallerKind.Anyone,
        ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = CallerKind.Anyone,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Every method that is listed, as <c>/service/method</c>.</summary>
    public static IEnumerable<string> Methods => Rules.Keys;

    /// <summary>Null: the method is not listed, and must not be called.</summary>
    public static CallerKind? Of(string method) => Rules.TryGetValue(method, out var kind) ? kind : null;
}
