using Google.Protobuf;
using KvRaft.Node.Requests;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;
using WireOperation = KvRaft.V1.TxnOperation;

namespace KvRaft.Node.ShardRequests;

/// <summary>Translates transactions between the messages of the wire and the commands of the log. Pure.</summary>
internal static class TxnCommands
{
    /// <summary>The mistake in a transaction, whatever its keyspace is.</summary>
    public static Failure? Check(TxnRequest request, Limits limits)
    {
        var count = request.Compares.Count + request.Success.Count + request.Failure.Count;
        if (count == 0)
        {
            return Failure.Invalid("success", "a transaction must compare or do something");
        }

        if (count > limits.TxnOperationsMax)
        {
            return Failure.Limit(new Options.LimitExceeded("success", "limits.txnOperationsMax", limits.TxnOperationsMax, count));
        }

        for (var i = 0; i < request.Compares.Count; i++)
        {
            var compare = request.Compares[i];
            var field = $"compares[{i}]";
            if ((RequestCheck.Key(compare.Key, field + ".key", limits)
                    ?? (compare.Condition is null ? Failure.Invalid(field + ".condition", "must be set") : null)
                    ?? RequestCheck.Condition(compare.Condition, field + ".condition")) is { } failure)
            {
                return failure;
            }
        }

        return Check(request.Success, "success", limits) ?? Check(request.Failure, "failure", limits);
    }

    /// <summary>The limit of the keyspace that a transaction breaks. The limits can change while a writer repeats the transaction.</summary>
    public static Failure? CheckIn(KeyspaceDescriptor keyspace, TxnRequest request, long nowMs) =>
        CheckIn(keyspace, request.Success, "success", nowMs) ?? CheckIn(keyspace, request.Failure, "failure", nowMs);

    private static Failure? CheckIn(KeyspaceDescriptor keyspace, IReadOnlyList<WireOperation> operations, string list, long nowMs) =>
        operations.Select((operation, i) => operation switch
        {
            { Put: { } put } => RequestCheck.ValueIn(keyspace, put.Value) ?? RequestCheck.ExpiryIn(keyspace, put.Options, $"{list}[{i}].options", nowMs),
            { Increment: { } add } => RequestCheck.ExpiryIn(keyspace, add.Options, $"{list}[{i}].options", nowMs),
            _ => null,
        }).FirstOrDefault(static failure => failure is not null);

    private static Failure? Check(
        IReadOnlyList<WireOperation> operations, string list, Limits limits)
    {
        for (var i = 0; i < operations.Count; i++)
        {
            var operation = operations[i];
            var field = $"{list}[{i}]";
            if (operation.KindCase == WireOperation.KindOneofCase.None)
            {
                return Failure.Invalid(field, "one of get, put, delete, increment");
            }

            var failure = RequestCheck.Key(KeyOf(operation), field + ".key", limits);
            if (failure is null && operation.Put is { } put)
            {
                failure = RequestCheck.Value(put.Value, field + ".value", limits)
                    ?? RequestCheck.Expiry(put.Options, field + ".options");
            }

            if (failure is null && operation.Delete is { } delete)
            {
                failure = RequestCheck.NoExpiry(delete.Options, field + ".options");
            }

            if (failure is null && operation.Increment is { } add)
            {
                failure = RequestCheck.NoPrevious(add.Options, field + ".options") ?? RequestCheck.Expiry(add.Options, field + ".options")
                    ?? (add is { HasMin: true, HasMax: true } && add.Min > add.Max ? Failure.Invalid(field + ".min", "at most max") : null);
            }

            if (failure is not null)
            {
                return failure;
            }
        }

        return null;
    }

    /// <summary>Every key that the transaction names, and where.</summary>
    public static IEnumerable<(string Place, ByteString Key)> Places(TxnRequest request) =>
        request.Compares.Select((compare, i) => ($"compares[{i}]", compare.Key))
            .Concat(request.Success.Select((operation, i) => ($"success[{i}]", KeyOf(operation))))
            .Concat(request.Failure.Select((operation, i) => ($"failure[{i}]", KeyOf(operation))));

    public static bool NeedsRoom(TxnRequest request) => request.Success.Concat(request.Failure).Any(operation =>
        operation.KindCase is WireOperation.KindOneofCase.Put or WireOperation.KindOneofCase.Increment);

    /// <summary>Bytes of the values that apply reads and hashes for the compares, each value once, as far as the store of the leader holds them now.</summary>
    public static long HashedBytes(TxnRequest request, KeyspaceDescriptor keyspace, IShardStore store) => request.Compares
        .Where(static compare => compare.Condition is { HasValueSha256Equals: true })
        .Select(static compare => compare.Key.Memory)
        .Distinct(KeyBytesComparer.Instance)
        .Sum(key => (long)store.Read(new StoredKeyspaceId(keyspace.Id.Value), key.Span, valueBytesMax: -1).ValueBytes);

    /// <summary>Its answer may carry values.</summary>
    public static bool AnswersValues(TxnRequest request) => request.Success.Concat(request.Failure).Any(static operation =>
        operation is { Get: not null } or { Put.Options.ReturnPrevious: true } or { Delete.Options.ReturnPrevious: true });

    /// <summary>Bytes of the values in an answer.</summary>
    public static long HeldBytes(TxnResponse response) => response.Results.Sum(static result => AnswerFields.BytesOf(result.State));

    public static TxnCommand ToCommand(TxnRequest request, KeyspaceDescriptor keyspace, ShardId shard)
    {
        var id = new StoredKeyspaceId(keyspace.Id.Value);
        return new TxnCommand(
            [.. request.Compares.Select(compare => new TxnCompare(id, compare.Key.Memory, CommandFields.ToCondition(compare.Condition)))],
            [.. request.Success.Select(operation => ToOperation(operation, keyspace, id))],
            [.. request.Failure.Select(operation => ToOperation(operation, keyspace, id))])
        {
            Stamp = CommandFields.ToStamp(request.Header, shard),
        };
    }

    private static Storage.Commands.TxnOperation ToOperation(
        WireOperation operation, KeyspaceDescriptor keyspace, StoredKeyspaceId id) => operation.KindCase switch
        {
            WireOperation.KindOneofCase.Get => new TxnGet(id, operation.Get.Key.Memory),
            WireOperation.KindOneofCase.Put => new TxnPut(id, operation.Put.Key.Memory, operation.Put.Value.Memory)
            {
                Expiry = CommandFields.ExpiryOf(operation.Put.Options, keyspace),
                ReturnPrevious = operation.Put.Options is { ReturnPrevious: true },
            },
            WireOperation.KindOneofCase.Delete => new TxnDelete(id, operation.Delete.Key.Memory)
            {
                ReturnPrevious = operation.Delete.Options is { ReturnPrevious: true },
            },
            WireOperation.KindOneofCase.Increment => new TxnIncrement(id, operation.Increment.Key.Memory, operation.Increment.Delta)
            {
                Initial = operation.Increment.Initial,
                Min = operation.Increment.HasMin ? operation.Increment.Min : long.MinValue,
                Max = operation.Increment.HasMax ? operation.Increment.Max : long.MaxValue,
                Expiry = CommandFields.ExpiryOf(operation.Increment.Options, keyspace),
            },
            _ => throw new ArgumentException($"an operation of kind {operation.KindCase} was not checked", nameof(operation)),
        };

    public static TxnResponse ToResponse(ShardOutcome outcome, ResponseHeader header)
    {
        header.Deduplicated = outcome.Deduplicated;
        header.ValuesNotKept = outcome.ValueForgotten;
        var response = new TxnResponse { Header = header, Succeeded = outcome.Succeeded, Version = outcome.Version };
        response.Results.Add(outcome.Results.Select(result => new TxnResponse.Types.Result
        {
            Found = result.PreviousVersion > 0,
            State = AnswerFields.ToState(result.Value, header),
            Number = result.Counter,
        }));
        return response;
    }

    private static ByteString KeyOf(WireOperation operation) => operation.KindCase switch
    {
        WireOperation.KindOneofCase.Get => operation.Get.Key,
        WireOperation.KindOneofCase.Put => operation.Put.Key,
        WireOperation.KindOneofCase.Delete => operation.Delete.Key,
        WireOperation.KindOneofCase.Increment => operation.Increment.Key,
        _ => ByteString.Empty,
    };
}
