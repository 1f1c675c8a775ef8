namespace KvRaft.Client.Routing;

/// <summary>The input for the choice of a node.</summary>
/// <param name="Shard">Null: unknown, or several.</param>
/// <param name="AnyReplica">A follower may answer.</param>
/// <param name="Avoid">The node of the last failed attempt; null: none.</param>
/// <param name="Hinted">The node to which the last answer redirected; null: none.</param>
/// <param name="Turn">Selects one of several equal nodes; any number, negative or not.</param>
internal readonly record struct NodeQuestion(int? Shard, bool AnyReplica, string? Avoid, string? Hinted, int Turn);

/// <summary>
/// Chooses the node for an attempt. Pure. In this order: the node to which the last answer redirected; the leader of the shard (or, if a follower may
/// answer, any replica in turn); the other replicas, one of which may be the next leader; any node, because all of them forward. Suspected nodes, and
/// the node to avoid, come only after all others.
/// </summary>
internal static class NodeChoice
{
    public static string Pick(in NodeQuestion question, RouteTable table, IReadOnlyList<string> seeds, Func<string, bool> isSuspect)
    {
        if (question.Hinted is { } hinted && !Shunned(hinted, question.Avoid, isSuspect))
        {
            return hinted;
        }

        if (question.Shard is { } number)
        {
            var shard = table.Shard(number);
            if (!question.AnyReplica && table.EndpointOf(shard.Leader) is { } leader && !Shunned(leader, question.Avoid, isSuspect))
            {
                return leader;
            }

            if (InTurn(shard.Replicas, question, table, isSuspect) is { } replica)
            {
                return replica;
            }
        }

        var everybody = table.Endpoints.Count > 0 ? table.Endpoints : seeds;
        return InTurn(everybody, question.Turn, question.Avoid, isSuspect)

            // The addresses that the nodes publish may be unreachable from here while the configured ones are reachable.
            ?? InTurn(seeds, question.Turn, question.Avoid, isSuspect)
            ?? InTurn(everybody, question.Turn, question.Avoid, static _ => false)
            ?? everybody[Index(question.Turn, everybody.Count)];
    }

    private static string? InTurn(
        IReadOnlyList<string> nodes, in NodeQuestion question, RouteTable table, Func<string, bool> isSuspect)
    {
        var first = Index(question.Turn, nodes.Count);
        for (var i = 0; i < nodes.Count; i++)
        {
            if (table.EndpointOf(nodes[(first + i) % nodes.Count]) is { } endpoint && !Shunned(endpoint, question.Avoid, isSuspect))
            {
                return endpoint;
            }
        }

        return null;
    }

    private static string? InTurn(IReadOnlyList<string> endpoints, int turn, string? avoid, Func<string, bool> isSuspect)
    {
        var first = Index(turn, endpoints.Count);
        for (var i = 0; i < endpoints.Count; i++)
        {
            var endpoint = endpoints[(first + i) % endpoints.Count];
            if (!Shunned(endpoint, avoid, isSuspect))
            {
                return endpoint;
            }
        }

        return null;
    }

    private static bool Shunned(string endpoint, string? avoid, Func<string, bool> isSuspect) =>
        string.Equals(endpoint, avoid, StringComparison.OrdinalIgnoreCase) || isSuspect(endpoint);

    // The turn selects only the start: turns wrap around at 2^32, which is not a multiple of most counts, so turn + 1 need not be the next node.
    private static int Index(int turn, int count) => count == 0 ? 0 : (int)((uint)turn % (uint)count);
}
