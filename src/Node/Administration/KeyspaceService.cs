using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;
using Mode = KvRaft.Topology.KeyspaceMode;
using Rule = KvRaft.Topology.RoutingRule;

namespace KvRaft.Node.Administration;

/// <summary>Keyspaces: changes go to the leader of group 0, on whichever node; queries are answered from the state that this node has received.</summary>
internal sealed class KeyspaceService(
    NodeOptions options, PlacementCalls calls, PlacementRouter router, KeyspaceLookup lookup, KeyspaceSpread spread, ShardMapHolder map, TimeProvider time)
    : Keyspaces.KeyspacesBase
{
    public override Task<KeyspaceInfo> Create(CreateKeyspaceRequest request, ServerCallContext context)
    {
        var wish = request.Keyspace;
        if (Mistake(wish) is { } failure)
        {
            throw RpcStatus.ToException(failure);
        }

        var command = new CreateKeyspace(wish.Name)
        {
            Mode = wish.Mode == V1.KeyspaceMode.Eventual ? Mode.Eventual : Mode.Strong,
            Routing = wish.Routing == V1.RoutingRule.Tag ? Rule.Tag : Rule.WholeKey,
            TtlDefaultMs = wish.TtlDefaultMs,
            TtlMaxMs = wish.TtlMaxMs,
            ValueBytesMax = wish.ValueBytesMax,
            Eventual = wish.Mode == V1.KeyspaceMode.Eventual ? EventualPolicies.FromWire(wish.Eventual, map.Current.Owners.Count()) : null,
        };
        return ChangeAsync(
            command,
            outcome => ToInfo((KeyspaceCreated)outcome, request.IfNotExists),
            (peer, call) => peer.Keyspaces.CreateAsync(request, call),
            wish.Name,
            static created => created.Epoch,
            context);
    }

    public override Task<KeyspaceInfo> Alter(AlterKeyspaceRequest request, ServerCallContext context)
    {
        if ((NameMistake(request.Name, "name")
                ?? SizeMistake(request.TtlDefaultMs, request.TtlMaxMs, request.ValueBytesMax, "")
                ?? (request.Eventual is { } change ? EventualPolicies.Mistake(change) : null)) is { } failure)
        {
            throw RpcStatus.ToException(failure);
        }

        var command = new AlterKeyspace(request.Name)
        {
            TtlDefaultMs = request.HasTtlDefaultMs ? request.TtlDefaultMs : null,
            TtlMaxMs = request.HasTtlMaxMs ? request.TtlMaxMs : null,
            ValueBytesMax = request.HasValueBytesMax ? request.ValueBytesMax : null,
            Eventual = request.Eventual is null ? null : EventualPolicies.FromWire(request.Eventual),
        };
        return ChangeAsync(
            command,
            outcome => ToInfo((KeyspaceAltered)outcome),
            (peer, call) => peer.Keyspaces.AlterAsync(request, call),
            request.Name,
            static altered => altered.Epoch,
            context);
    }

    public override Task<DropKeyspaceResponse> Drop(DropKeyspaceRequest request, ServerCallContext context)
    {
        if (NameMistake(request.Name, "name") is { } failure)
        {
            throw RpcStatus.ToException(failure);
        }

        return ChangeAsync(
            new DropKeyspace(request.Name),
            outcome => new DropKeyspaceResponse { Epoch = ((KeyspaceDropped)outcome).Epoch.Value },
            (peer, call) => peer.Keyspaces.DropAsync(request, call),
            request.Name,
            static dropped => dropped.Epoch,
            context);
    }

    public override async Task<KeyspaceInfo> Get(GetKeyspaceRequest request, ServerCallContext context)
    {
        var found = await lookup.FindAsync(request.Name, request.KnownEpoch, DeadlineOf(context));
        return found.Keyspace is { } keyspace ? RouteMaps.ToWire(keyspace) : throw RpcStatus.ToException(found.Failure!);
    }

    /// <summary>A node that queries needs the leader's state; a client gets the state that this node has received.</summary>
    public override async Task<ListKeyspacesResponse> List(ListKeyspacesRequest request, ServerCallContext context)
    {
        if (PeerCalls.WasForwarded(context))
        {
            return Answer(await router.ReadAsync(DeadlineOf(context), wasForwarded: true));
        }

        var view = map.Current;
        var response = new ListKeyspacesResponse { Epoch = view.Epoch.Value };
        response.Keyspaces.Add(view.Keyspaces.Select(RouteMaps.ToWire));
        return response;
    }

    public override Task<V1.Limits> GetLimits(GetLimitsRequest request, ServerCallContext context) =>
        Task.FromResult(WireLimits.Of(options.Limits));

    /// <summary>The node that the caller uses makes sure that the other nodes receive the change, not the leader's node.</summary>
    private async Task<T> ChangeAsync<T>(
        PlacementCommand command,
        Func<PlacementOutcome, Answered<T>> answer,
        Func<Peer, CallOptions, AsyncUnaryCall<T>> forward,
        string name,
        Func<T, long> epochOf,
        ServerCallContext context)
        where T : class
    {
        var made = await calls.ChangeAsync(command, answer, forward, (change, state) => state.Epoch.Value >= epochOf(change), context);
        if (!PeerCalls.WasForwarded(context))
        {
            await spread.WaitAsync(name, epochOf(made), DeadlineOf(context));
        }

        return made;
    }

    private Failure? Mistake(KeyspaceInfo? wish)
    {
        if (wish is null)
        {
            return Failure.Invalid("keyspace", "must be set");
        }

        if (wish.Id != 0)
        {
            return Failure.Invalid("keyspace.id", "left out; the cluster gives it");
        }

        if (wish.Epoch != 0)
        {
            return Failure.Invalid("keyspace.epoch", "left out; it is for answers");
        }

        if ((NameMistake(wish.Name, "keyspace.name") ?? SizeMistake(wish.TtlDefaultMs, wish.TtlMaxMs, wish.ValueBytesMax, "keyspace.")) is { } mistake)
        {
            return mistake;
        }

        if (!Enum.IsDefined(wish.Mode) || !Enum.IsDefined(wish.Routing))
        {
            return Failure.Invalid(Enum.IsDefined(wish.Mode) ? "keyspace.routing" : "keyspace.mode", "this version does not support it");
        }

        return wish.Mode == V1.KeyspaceMode.Eventual ? EventualPolicies.Mistake(wish, map.Current.Owners.Count())
            : wish.Eventual is not null ? Failure.Invalid("keyspace.eventual", "left out; this keyspace is strong")
            : null;
    }

    private static Failure? NameMistake(string name, string field) => KeyspaceName.IsValid(name)
        ? null
        : Failure.Invalid(field, $"a lower-case letter, then lower-case letters, digits, '-', '_' and '.', at most {KeyspaceName.LengthMax}");

    private static Failure? SizeMistake(long ttlDefaultMs, long ttlMaxMs, int valueBytesMax, string prefix)
    {
        if (ttlDefaultMs is < 0 or > PlacementLimits.TtlMsMax)
        {
            return Failure.Invalid(prefix + "ttl_default_ms", $"from 0 to {PlacementLimits.TtlMsMax}");
        }

        if (ttlMaxMs is < 0 or > PlacementLimits.TtlMsMax || (ttlMaxMs > 0 && ttlDefaultMs > ttlMaxMs))
        {
            return Failure.Invalid(prefix + "ttl_max_ms", $"0, or from ttl_default_ms to {PlacementLimits.TtlMsMax}");
        }

        return valueBytesMax < 0 ? Failure.Invalid(prefix + "value_bytes_max", "not negative") : null;
    }

    private static Answered<KeyspaceInfo> ToInfo(KeyspaceCreated created, bool ifNotExists) => created.Existed && !ifNotExists
        ? Failure.Refused(ErrorReasons.KeyspaceExists, $"keyspace '{created.Keyspace.Name}' exists, with the same properties")
        : At(created.Epoch, created.Keyspace);

    private static KeyspaceInfo ToInfo(KeyspaceAltered altered) => At(altered.Epoch, altered.Keyspace);

    private static KeyspaceInfo At(Epoch epoch, KeyspaceDescriptor keyspace)
    {
        var info = RouteMaps.ToWire(keyspace);
        info.Epoch = epoch.Value;
        return info;
    }

    private static T Answer<T>(Answered<T> answered)
        where T : class => answered.Answer ?? throw RpcStatus.ToException(answered.Failure!);

    private Deadline DeadlineOf(ServerCallContext context) => Deadline.Of(null, context.Deadline, options.Limits, time);
}
