using System.Collections.Concurrent;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Fakes;

/// <summary>
/// The shared state of the nodes of a fake cluster: a map with versions that executes each write once, like a shard, and counts the executed writes.
/// One lock; it is a specification, not a store.
/// </summary>
internal sealed class FakeStore
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, ValueState> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<(ByteString Client, long Sequence), PipeAnswer> _outcomes = [];
    private readonly Dictionary<ByteString, long> _firstUnacked = [];
    private long _version;

    /// <summary>Writes that took effect, by key, in order.</summary>
    public ConcurrentQueue<(string Key, RequestIdentity Identity)> Executed { get; } = new();

    /// <summary>The log index of the only shard, which every answer contains.</summary>
    public long Index { get; private set; }

    /// <summary>As in a shard that has discarded sessions: the highest index of an applied write of one of them.</summary>
    public long Horizon { get; private set; }

    /// <summary>Discards every session with all its outcomes, as after a long idle time in which other writers continued.</summary>
    public void ForgetSessions()
    {
        lock (_lock)
        {
            _outcomes.Clear();
            _firstUnacked.Clear();
            Horizon = ++Index;
        }
    }

    public PipeAnswer Execute(PipeCall call)
    {
        lock (_lock)
        {
            var answer = IdentityOf(call) is { } identity ? ExecuteOnce(call, identity) : Apply(call);
            answer.CorrelationId = call.CorrelationId;
            return answer;
        }
    }

    public long FirstUnackedOf(ByteString client)
    {
        lock (_lock)
        {
            return _firstUnacked.GetValueOrDefault(client);
        }
    }

    public IReadOnlyList<(string Key, ValueState State)> Snapshot()
    {
        lock (_lock)
        {
            return [.. _values.Select(static pair => (pair.Key, pair.Value.Clone()))];
        }
    }

    public static RequestIdentity? IdentityOf(PipeCall call) => call.OperationCase switch
    {
        PipeCall.OperationOneofCase.Put => call.Put.Header.Identity,
        PipeCall.OperationOneofCase.Delete => call.Delete.Header.Identity,
        PipeCall.OperationOneofCase.Increment => call.Increment.Header.Identity,
        PipeCall.OperationOneofCase.Touch => call.Touch.Header.Identity,
        _ => null,
    };

    private PipeAnswer ExecuteOnce(PipeCall call, RequestIdentity identity)
    {
        Index++;
        if (!_firstUnacked.ContainsKey(identity.ClientId) && (identity.After?.Index ?? 0) < Horizon)
        {
            var refusal = Error(
                Grpc.Core.StatusCode.FailedPrecondition, ErrorReasons.RequestIdExpired, identity.FirstAttempt ? Execution.NotExecuted : Execution.Unknown);
            refusal.Error.Metadata.Add(ErrorReasons.AfterShardKey, "0");
            refusal.Error.Metadata.Add(ErrorReasons.AfterIndexKey, Index.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return refusal;
        }

        if (_outcomes.TryGetValue((identity.ClientId, identity.Sequence), out var known))
        {
            return known.Clone();
        }

        var unacked = Math.Max(_firstUnacked.GetValueOrDefault(identity.ClientId), identity.FirstUnacked);
        _firstUnacked[identity.ClientId] = unacked;
        var answer = Apply(call);
        _outcomes[(identity.ClientId, identity.Sequence)] = answer.Clone();
        return answer;
    }

    private PipeAnswer Apply(PipeCall call) => call.OperationCase switch
    {
        PipeCall.OperationOneofCase.Get => new PipeAnswer { Get = Get(call.Get) },
        PipeCall.OperationOneofCase.Put => new PipeAnswer { Put = Put(call.Put) },
        PipeCall.OperationOneofCase.Delete => new PipeAnswer { Delete = Delete(call.Delete) },
        PipeCall.OperationOneofCase.Increment => new PipeAnswer { Increment = Increment(call.Increment) },
        PipeCall.OperationOneofCase.Touch => new PipeAnswer { Touch = Touch(call.Touch) },
        _ => throw new InvalidOperationException($"The fake store does not know {call.OperationCase}."),
    };

    private GetResponse Get(GetRequest request)
    {
        var found = _values.TryGetValue(request.Key.ToStringUtf8(), out var state);
        return new GetResponse
        {
            Header = new ResponseHeader { ConsistencyDelivered = Consistency.Linearizable },
            Found = found,
            Current = found ? state!.Clone() : null,
        };
    }

    private PutResponse Put(PutRequest request)
    {
        var key = request.Key.ToStringUtf8();
        var current = _values.GetValueOrDefault(key);
        if (!Holds(request.Condition, current))
        {
            return new PutResponse { Applied = false, Current = current?.Clone() };
        }

        _values[key] = new ValueState { Value = request.Value, Version = ++_version, ExpireAtMs = request.Options?.ExpireAtMs ?? 0 };
        Executed.Enqueue((key, request.Header.Identity));
        return new PutResponse { Applied = true, Version = _version, Previous = current?.Clone() };
    }

    private DeleteResponse Delete(DeleteRequest request)
    {
        var key = request.Key.ToStringUtf8();
        var current = _values.GetValueOrDefault(key);
        if (!Holds(request.Condition, current))
        {
            return new DeleteResponse { Applied = false, Current = current?.Clone() };
        }

        Executed.Enqueue((key, request.Header.Identity));
        return new DeleteResponse { Applied = true, Existed = _values.Remove(key), Version = ++_version, Previous = current };
    }

    private IncrementResponse Increment(IncrementRequest request)
    {
        var key = request.Key.ToStringUtf8();
        if (!Holds(request.Condition, _values.GetValueOrDefault(key)))
        {
            return new IncrementResponse { ConditionFailed = true, Version = _values.GetValueOrDefault(key)?.Version ?? 0 };
        }

        var number = _values.TryGetValue(key, out var state)
            ? long.Parse(state.Value.ToStringUtf8(), System.Globalization.CultureInfo.InvariantCulture)
            : request.Initial;
        number += request.Delta;
        var text = ByteString.CopyFromUtf8(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        _values[key] = new ValueState { Value = text, Version = ++_version };
        Executed.Enqueue((key, request.Header.Identity));
        return new IncrementResponse { Value = number, Version = _version };
    }

    private TouchResponse Touch(TouchRequest request)
    {
        if (!_values.TryGetValue(request.Key.ToStringUtf8(), out var state))
        {
            return new TouchResponse();
        }

        state.ExpireAtMs = request.Options.ExpireAtMs;
        state.Version = ++_version;
        return new TouchResponse { Applied = true, Found = true, Version = _version, ExpireAtMs = state.ExpireAtMs };
    }

    private static bool Holds(Condition? condition, ValueState? current) => condition?.KindCase switch
    {
        null or Condition.KindOneofCase.None => true,
        Condition.KindOneofCase.Absent => current is null,
        Condition.KindOneofCase.Present => current is not null,
        Condition.KindOneofCase.VersionEquals => current?.Version == condition.VersionEquals,
        Condition.KindOneofCase.ValueEquals => current?.Value == condition.ValueEquals,
        _ => throw new InvalidOperationException($"The fake store does not know {condition.KindCase}."),
    };

    public static PipeAnswer Error(Grpc.Core.StatusCode code, string reason, Execution execution, RouteHint? hint = null) => new()
    {
        Error = new ErrorDetail { Code = (int)code, Reason = reason, Message = reason, Execution = execution, RouteHint = hint },
    };
}
