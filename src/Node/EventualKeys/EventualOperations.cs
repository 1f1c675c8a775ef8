using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Storage;
using KvRaft.Topology;
using KvRaft.V1;
using EventualDurability = KvRaft.Topology.EventualDurability;
using KeyspaceMode = KvRaft.Topology.KeyspaceMode;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// The path of every request to an eventual keyspace: check, send to a coordinator on this node or another one, translate the answer.
/// Thread-safe.
/// </summary>
internal sealed class EventualOperations(
    NodeOptions options, KeyspaceLookup keyspaces, PeerRings rings, IReplicaHolders holders, EventualReplica replica, EventualForwarder forwarder, PutCoordinator puts, GetCoordinator gets,
    DiskGuard disk, DeadlineTokens tokens, ClusterTimeProvider clusterTime)
{
    private readonly Limits _limits = options.Limits;

    /// <param name="window">The window of the answer.</param>
    /// <param name="room">For the answers of the replicas; disposed here, or by the read when it has ended.</param>
    public async Task<Answered<EventualGetResponse>> GetAsync(EventualGetRequest request, Deadline deadline, AnswerWindow window, WindowRoom room)
    {
        if (EventualCheck.Get(request, _limits) is { } mistake)
        {
            return mistake;
        }

        var (target, failure) = await FindAsync(request.Header, request.Key, request.Quorum, deadline);
        if (target is null)
        {
            return failure!;
        }

        // One state of each replica, and the answer that is built from them. The sizes are unknown for a key that this node does not hold; its states are then reserved one by one.
        var expected = replica.LengthOf(target.Key) is var length && length > room.Guess ? (target.List.Primaries.Length + 1L) * (length + room.Guess) : 0;
        if (expected > 0 && await room.ReserveAsync(expected, tokens.For(deadline)) is { } full)
        {
            return full;
        }

        GetAnswer answer;
        try
        {
            answer = await gets.RunAsync(target.Key, target.Read, room, tokens.For(deadline));
        }
        catch (OperationCanceledException)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }
        catch (NoRoomException refused)
        {
            return WindowRoom.FailureOf(refused);
        }

        if (!answer.Reached)
        {
            return Failure.QuorumNotReached(answer.Answered, target.Spec.R, Execution.NotExecuted);
        }

        // The transport copies the values: the message counts besides the states from which it is built.
        var response = ToResponse(answer, target);
        if (expected > 0)
        {
            room.GiveRest();
            window.Charge(response.CalculateSize());
            return response;
        }

        return await window.TakeAsync(response.CalculateSize(), tokens.For(deadline)) is { } refusal ? refusal : response;
    }

    private EventualGetResponse ToResponse(GetAnswer answer, EventualTarget target)
    {
        var policy = target.Keyspace.Eventual!.Conflict;
        var response = new EventualGetResponse
        {
            Header = Header(answer.Answered, answer.Fallbacks, answer.Overlaps),
            Context = target.ContextOf(answer.State),
        };
        if (Eventual.Quorum.ConflictPolicies.KindOf(policy) is null)
        {
            response.Values.Add(EventualAnswers.Values(answer.State, policy, NowMs));
        }
        else
        {
            response.Typed = EventualAnswers.Typed(answer.State, policy);
        }

        return response;
    }

    public async Task<Answered<EventualPutResponse>> PutAsync(EventualPutRequest request, bool wasForwarded, Deadline deadline)
    {
        var (target, context, failure) = await FindAsync(
            request.Header, request.Key, request.Quorum, request.Context, keyspace => EventualCheck.Put(request, keyspace, _limits), deadline);
        if (target is null)
        {
            return failure!;
        }

        var rule = EventualCheck.PutIn(target.Keyspace, request);
        if (rule is not null && !MayBeRepeat(request.Header, request.Header?.Attempt ?? 0))
        {
            return rule;
        }

        var life = EventualCheck.LifeMs(request, target.Keyspace);
        var write = new PutValue(
            target.Keyspace.Eventual!.Conflict, context!, request.Value.Memory, life > 0 ? NowMs + life : 0, EventualCheck.WriteId(request));
        return await WriteAsync(
            new WriteOf(target, write, request.Header, NeedsRoom: true, MayRepeat: true, wasForwarded) { Rule = rule }, deadline,
            (peer, call, attempts) => peer.EventualKv.PutAsync(Again(request, attempts, static again => again.Header), call),
            (done, header) => new EventualPutResponse
            {
                Header = header,
                Context = target.ContextOf(done.State),
                Siblings = done.State.Expire(NowMs).Siblings.Length,
            });
    }

    public async Task<Answered<EventualDeleteResponse>> DeleteAsync(EventualDeleteRequest request, bool wasForwarded, Deadline deadline)
    {
        var (target, context, failure) = await FindAsync(
            request.Header, request.Key, request.Quorum, request.Context, keyspace => EventualCheck.Delete(request, keyspace, _limits), deadline);
        if (target is null)
        {
            return failure!;
        }

        var write = new DeleteSeen(target.Keyspace.Eventual!.Conflict, context!);
        return await WriteAsync(
            new WriteOf(target, write, request.Header, NeedsRoom: false, MayRepeat: true, wasForwarded), deadline,
            (peer, call, attempts) => peer.EventualKv.DeleteAsync(Again(request, attempts, static again => again.Header), call),
            (done, header) => new EventualDeleteResponse
            {
                Header = header,
                Context = target.ContextOf(done.State),
                Siblings = done.State.Expire(NowMs).Siblings.Length,
            });
    }

    /// <param name="window">The window of the answer, which has the whole value, however small the change.</param>
    public async Task<Answered<EventualUpdateResponse>> UpdateAsync(EventualUpdateRequest request, bool wasForwarded, Deadline deadline, AnswerWindow window)
    {
        var (target, failure) = await FindAsync(request.Header, request.Key, request.Quorum, deadline);
        if (target is null)
        {
            return failure!;
        }

        var (change, mistake) = EventualCheck.Update(request, target.Keyspace, _limits);
        if (change is null)
        {
            return mistake!;
        }

        var expected = (long)replica.LengthOf(target.Key) + request.CalculateSize();
        if (await window.TakeAsync(expected, tokens.For(deadline)) is { } full)
        {
            return full;
        }

        var write = new ChangeValue(change, EventualCheck.WriteId(request));
        var answered = await WriteAsync(
            new WriteOf(target, write, request.Header, NeedsRoom: true, MayRepeat: !Adds(change), wasForwarded), deadline,
            (peer, call, attempts) => peer.EventualKv.UpdateAsync(Again(request, attempts, static again => again.Header), call),
            (done, header) => new EventualUpdateResponse { Header = header, Typed = EventualAnswers.Typed(done.State, target.Keyspace.Eventual!.Conflict) });
        if (answered.Answer is { } answer && answer.CalculateSize() is var bytes && bytes > expected)
        {
            // Other writes changed the value meanwhile, or another node coordinated. The write is done, so its answer is not refused.
            window.Charge(bytes - expected);
        }

        return answered;
    }

    /// <summary>If it is sent twice, it counts twice. Any other write sent twice stores at worst the same value again.</summary>
    private static bool Adds(Eventual.Values.MergeChange change) => change is Eventual.Values.AddToCounter or Eventual.Values.ChangeField { Change: Eventual.Values.AddToCounter };

    /// <summary>The request for another coordinator, when one that received it before may have executed it.</summary>
    private static T Again<T>(T request, int attempts, Func<T, RequestHeader?> headerOf)
        where T : class, IDeepCloneable<T>
    {
        if (attempts == 0)
        {
            return request;
        }

        // The failed call may still read the old one.
        var again = request.Clone();
        if (headerOf(again) is { } header)
        {
            header.Attempt += attempts;
        }

        return again;
    }

    private async Task<Answered<T>> WriteAsync<T>(
        WriteOf write, Deadline deadline, Func<Peer, Grpc.Core.CallOptions, int, Grpc.Core.AsyncUnaryCall<T>> forward, Func<PutAnswer, EventualHeader, T> answer)
        where T : class
    {
        var (target, attempts) = (write.Target, write.Header?.Attempt ?? 0);
        var isCoordinator = forwarder.IsCoordinator(target.List, write.WasForwarded);
        var isForwarded = !isCoordinator || (MustForward(write) && !write.WasForwarded);
        if (isForwarded)
        {
            var (answered, sent) = await forwarder.ForwardAsync(target.List, write.MayRepeat, target.Spec.Sloppy, forward, deadline);
            if (answered is { } done)
            {
                return done;
            }

            if (!target.Spec.Sloppy && !(isCoordinator && LacksRoom(write)))
            {
                return Failure.QuorumNotReached(0, target.Spec.W, sent > 0 ? Execution.Unknown : Execution.NotExecuted);
            }

            attempts += sent;
        }

        if (holders.IsLeaving)
        {
            // This node is no fallback any more: it may be removed in a moment, with the values it accepted.
            return attempts > 0
                ? Failure.QuorumNotReached(0, target.Spec.W, Execution.Unknown)
                : Failure.Draining("this node leaves the cluster, and no replica holder of the key answers it");
        }

        if (write.Rule is null && IsBelowReserve(write))
        {
            write = write with { Rule = Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes) };
        }

        if (write.Rule is { } rule && !MayBeRepeat(write.Header, attempts))
        {
            return attempts > 0 ? rule with { Execution = Execution.Unknown } : rule;
        }

        try
        {
            var (coordinated, corrupt) = await CoordinateAsync(write, deadline, attempts);
            if (coordinated is not { } done)
            {
                // The engine reached the end of the disk before the guard measured it.
                var isElsewhere = corrupt is { Reason: ErrorReasons.DiskFull, IsNotExecuted: true } && !isForwarded && !write.WasForwarded;
                if (!isElsewhere)
                {
                    return corrupt!;
                }

                // An attempt without an answer may have been applied: then this node's own refusal is not the outcome.
                var (elsewhere, sent) = await forwarder.ForwardAsync(target.List, write.MayRepeat, target.Spec.Sloppy, forward, deadline);
                return elsewhere ?? (sent == 0 ? corrupt! : corrupt! with { Execution = Execution.Unknown });
            }

            if (holders.IsLeaving)
            {
                // For the whole request: a value that is only here can no longer be found here.
                return Failure.QuorumNotReached(0, target.Spec.W, Execution.Unknown);
            }

            return done is { End: WriteEnd.Applied, Reached: true }
                ? answer(done, Header(done.Answered, done.Fallbacks, done.Overlaps, attempts > 0))
                : ToFailure(done, write, attempts);
        }
        catch (OperationCanceledException)
        {
            return Failure.Deadline(Execution.Unknown);
        }
    }

    private async Task<(PutAnswer? Done, Failure? Failure)> CoordinateAsync(WriteOf write, Deadline deadline, int attempts)
    {
        var target = write.Target;
        try
        {
            return (await puts.RunAsync(
                target.Key, write.Executed, target.Write, target.Keyspace.Eventual!.Durability == EventualDurability.Fsync, tokens.For(deadline)), null);
        }
        catch (EventualFormatException)
        {
            // This node's record of the key cannot be read, so the write did not start here.
            return (null, Failure.CorruptReplica(attempts > 0 ? Execution.Unknown : Execution.NotExecuted));
        }
        catch (StorageFullException)
        {
            // As above: if the exception comes from here, nothing was written here. A disk that fills up afterwards is a missing answer of a replica.
            return (null, Failure.StoreFull(attempts > 0 ? Execution.Unknown : Execution.NotExecuted));
        }
        catch (StorageUnavailableException)
        {
            return (null, Failure.StoreRefused(attempts > 0 ? Execution.Unknown : Execution.NotExecuted));
        }
        catch (Exception closed) when (closed is StoreRebuildingException or StorageCorruptionException)
        {
            return (null, Failure.StoreRebuilding(attempts > 0 ? Execution.Unknown : Execution.NotExecuted));
        }
    }

    /// <summary>A coordinator stores the write itself first. If this node cannot, another replica holder coordinates.</summary>
    private bool MustForward(WriteOf write) => replica.Health.Outage is not null || IsBelowReserve(write);

    private bool LacksRoom(WriteOf write) => replica.Health.Outage is { Kind: OutageKind.NoRoom } || IsBelowReserve(write);

    private bool IsBelowReserve(WriteOf write) => write.NeedsRoom && disk.RefusesGrowth;

    private Failure TooMany(RefusedSize would, ReplicaWrite write)
    {
        var failure = would.Siblings > options.Eventual.SiblingsMax
            ? Failure.TooManySiblings(would.Siblings, options.Eventual.SiblingsMax, "eventual.siblingsMax")
            : Failure.TooManySiblings(would.Bytes, options.Eventual.SiblingBytesMax, "eventual.siblingBytesMax");

        // A typed value has no siblings for its clients: it grows by what they add.
        return write is not ChangeValue ? failure : failure with
        {
            Message = "the value of the key, with its bookkeeping, would be larger than a key may be; remove elements, write shorter values, or distribute them over several keys",
        };
    }

    private Failure ToFailure(PutAnswer done, WriteOf write, int attempts) => done.End switch
    {
        WriteEnd.Applied => Failure.QuorumNotReached(done.Answered, write.Target.Spec.W, Execution.Unknown),
        WriteEnd.ContextAhead => Failure.ContextInvalid("it claims writes that were never made"),
        WriteEnd.TooManySiblings => TooMany(done.Refused, write.Write),
        WriteEnd.IdentityReused => Failure.Refused(ErrorReasons.RequestIdReused, "this identity was used for another write of the key before") with
        {
            Execution = attempts > 0 ? Execution.Unknown : Execution.NotExecuted,
        },

        // An earlier attempt may have been applied by another replica, or replaced since.
        WriteEnd.NoRepeat => write.Rule! with { Execution = Execution.Unknown },
        WriteEnd.TooLarge => Failure.Limit(new LimitExceeded(
            "key", "actors of a record (fixed)", SiblingSetCodec.ActorsMax, SiblingSetCodec.ActorsMax + 1)),
        _ => write.Write is ChangeValue { Change: Eventual.Values.AddToCounter }
            ? Failure.Refused(ErrorReasons.OutOfBounds, "the counter would not fit into 64 bits")
            : Failure.Invalid("field.change", "the field holds another type, or its counter would not fit into 64 bits"),
    };

    private async ValueTask<(EventualTarget? Target, Failure? Failure)> FindAsync(
        RequestHeader? header, ByteString key, QuorumOptions? quorum, Deadline deadline)
    {
        var found = await keyspaces.FindAsync(header, KeyspaceMode.Eventual, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return (null, found.Failure);
        }

        var (spec, mistake) = EventualCheck.Quorum(keyspace.Eventual!, quorum);
        if (mistake is not null)
        {
            return (null, mistake);
        }

        var token = KeyHash.TokenOf(found.View.Map!.HashSeed, keyspace.Id, keyspace.Routing, key.Span);
        var list = rings.Of(found.View).ListOf(token, spec.N);
        return (new EventualTarget(
            found.View.ContextKeys, options.ClusterId, keyspace, new EventualKey(keyspace.Id, token, key.Memory), spec, list, Tenure.Of(found.View.Plan, keyspace.Eventual!.Quorum)), null);
    }

    /// <summary>As above, for a write with a context.</summary>
    private async ValueTask<(EventualTarget? Target, VersionVector? Context, Failure? Failure)> FindAsync(
        RequestHeader? header, ByteString key, QuorumOptions? quorum, ByteString context, Func<KeyspaceDescriptor, Failure?> check, Deadline deadline)
    {
        var (target, failure) = await FindAsync(header, key, quorum, deadline);
        if (target is null || (failure = check(target.Keyspace)) is not null)
        {
            return (null, null, failure);
        }

        var (seen, refusal) = target.Decode(context);
        return seen is null ? (null, null, refusal) : (target, seen, null);
    }

    private EventualHeader Header(int answered, int fallbacks, bool overlaps, bool repeated = false) => new()
    {
        ClusterId = options.ClusterId.ToString(),
        ServedBy = options.NodeId.Value,
        Answered = answered,
        Fallbacks = fallbacks,
        Overlaps = overlaps,
        Repeated = repeated,
        ServerTimeMs = NowMs,
    };

    private long NowMs => clusterTime.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A write in progress.</summary>
    /// <param name="NeedsRoom">It is refused when the disk is nearly full.</param>
    /// <param name="MayRepeat">If it is executed twice, it stores at worst the same value again.</param>
    /// <param name="WasForwarded">Another node chose this one to coordinate.</param>
    private sealed record WriteOf(EventualTarget Target, ReplicaWrite Write, RequestHeader? Header, bool NeedsRoom, bool MayRepeat, bool WasForwarded)
    {
        /// <summary>The refusal by a setting that may have changed since an earlier attempt was applied; null if the write is allowed.</summary>
        public Failure? Rule { get; init; }

        /// <summary>The write for the replica: one that a rule forbids only gets its first answer.</summary>
        public ReplicaWrite Executed => Write switch
        {
            PutValue put => put with { OnlyAsRepeat = Rule is not null },
            ChangeValue change => change with { OnlyAsRepeat = Rule is not null },
            _ => Write,
        };
    }

    /// <summary>An earlier attempt of the write may have been applied, and it can be recognised.</summary>
    private static bool MayBeRepeat(RequestHeader? header, int attempts) => header?.Identity is { } identity && (!identity.FirstAttempt || attempts > 0);
}
