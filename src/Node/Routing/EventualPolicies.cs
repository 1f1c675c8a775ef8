using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;
using ConflictPolicy = KvRaft.Topology.ConflictPolicy;
using EventualDurability = KvRaft.Topology.EventualDurability;
using EventualPolicy = KvRaft.Topology.EventualPolicy;

namespace KvRaft.Node.Routing;

/// <summary>The policy of an eventual keyspace, in the enums of the wire; their numbers are the same. Pure.</summary>
internal static class EventualPolicies
{
    /// <summary>The complete policy of a request. Defaults: three copies, or as many as there are nodes, and a majority of them answers.</summary>
    public static EventualPolicy FromWire(V1.EventualPolicy? wire, int nodes)
    {
        var n = wire is { HasN: true } ? wire.N : Math.Min(EventualPolicy.Default.Quorum.N, nodes);
        var majority = (n / 2) + 1;
        return new EventualPolicy
        {
            Quorum = new QuorumSpec(n, wire is { HasR: true } ? wire.R : majority, wire is { HasW: true } ? wire.W : majority, wire is not { Strict: true }),
            Conflict = wire is null or { Conflict: V1.ConflictPolicy.Unspecified } ? ConflictPolicy.Siblings : (ConflictPolicy)(byte)wire.Conflict,
            Durability = wire is null or { Durability: V1.EventualDurability.Unspecified }
                ? EventualDurability.Fsync
                : (EventualDurability)(byte)wire.Durability,
        };
    }

    public static V1.EventualPolicy ToWire(EventualPolicy policy) => new()
    {
        N = policy.Quorum.N,
        R = policy.Quorum.R,
        W = policy.Quorum.W,
        Strict = !policy.Quorum.Sloppy,
        Conflict = (V1.ConflictPolicy)policy.Conflict,
        Durability = (V1.EventualDurability)policy.Durability,
    };

    public static EventualChange FromWire(EventualPolicyChange wire) => new()
    {
        N = wire.HasN ? wire.N : null,
        R = wire.HasR ? wire.R : null,
        W = wire.HasW ? wire.W : null,
        Sloppy = wire.HasStrict ? !wire.Strict : null,
        Conflict = wire.Conflict == V1.ConflictPolicy.Unspecified ? null : (ConflictPolicy)(byte)wire.Conflict,
        Durability = wire.Durability == V1.EventualDurability.Unspecified ? null : (EventualDurability)(byte)wire.Durability,
    };

    /// <summary>The mistakes in a change that show without the keyspace.</summary>
    public static Failure? Mistake(EventualPolicyChange change)
    {
        var wrong = IsWrong(change.HasN, change.N) ? "n" : IsWrong(change.HasR, change.R) ? "r" : IsWrong(change.HasW, change.W) ? "w" : null;
        return wrong is not null ? Failure.Invalid("eventual." + wrong, $"from 1 to {QuorumSpec.NMax}")
            : !Enum.IsDefined(change.Conflict) ? Failure.Invalid("eventual.conflict", "one of the named values")
            : !Enum.IsDefined(change.Durability) ? Failure.Invalid("eventual.durability", "one of the named values")
            : null;
    }

    private static bool IsWrong(bool isSet, int count) => isSet && (count < 1 || count > QuorumSpec.NMax);

    public static Failure? Mistake(KeyspaceInfo wish, int nodes)
    {
        if (wish.Eventual is { } wire && (!Enum.IsDefined(wire.Conflict) || !Enum.IsDefined(wire.Durability)))
        {
            return Failure.Invalid(
                Enum.IsDefined(wire.Conflict) ? "keyspace.eventual.durability" : "keyspace.eventual.conflict", "one of the named values");
        }

        var policy = FromWire(wish.Eventual, nodes);
        if (policy.Quorum.Mistake() is { } mistake)
        {
            return Failure.Invalid("keyspace.eventual." + mistake.Field, mistake.Why);
        }

        if (policy.Quorum.N > nodes)
        {
            return Failure.Invalid("keyspace.eventual.n", $"at most {nodes}, the nodes that have a share");
        }

        return (wish.TtlDefaultMs != 0 || wish.TtlMaxMs != 0) && policy.Conflict is not (ConflictPolicy.Siblings or ConflictPolicy.LastWriter)
            ? Failure.Invalid(wish.TtlDefaultMs != 0 ? "keyspace.ttl_default_ms" : "keyspace.ttl_max_ms", "left out; typed values do not expire")
            : null;
    }
}
