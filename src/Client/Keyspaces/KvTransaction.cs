using KvRaft.Client.Requests;
using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>
/// A transaction on keys of one shard: if all conditions hold, the operations of <see cref="Then"/> are executed, otherwise those of
/// <see cref="Otherwise"/>, in one log entry. Build it, then commit it once. Not thread-safe.
/// </summary>
public sealed class KvTransaction<TKey, TValue>
{
    private readonly string _keyspace;
    private readonly RequestExecutor _executor;
    private readonly IKvSerializer<TKey> _keys;
    private readonly IKvSerializer<TValue> _values;
    private readonly TxnRequest _request = new();
    private ReadOnlyMemory<byte>? _firstKey;
    private bool _committed;

    internal KvTransaction(string keyspace, RequestExecutor executor, IKvSerializer<TKey> keys, IKvSerializer<TValue> values)
    {
        _keyspace = keyspace;
        _executor = executor;
        _keys = keys;
        _values = values;
        Then = new Branch(this, _request.Success);
        Otherwise = new Branch(this, _request.Failure);
    }

    /// <summary>Executed if all conditions hold, or if there are none.</summary>
    public Branch Then { get; }

    /// <summary>Executed if a condition does not hold.</summary>
    public Branch Otherwise { get; }

    public KvTransaction<TKey, TValue> When(TKey key, KvCondition condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        _request.Compares.Add(new TxnRequest.Types.Compare { Key = Take(key), Condition = condition.Wire });
        return this;
    }

    /// <exception cref="KvException">Reason CROSS_SHARD_ATOMIC: the keys are in several shards; a keyspace that routes by tag can place them in one
    /// shard.</exception>
    /// <exception cref="InvalidOperationException">It is empty, or was committed before.</exception>
    public async ValueTask<KvTransactionResult<TValue>> CommitAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (_committed || _firstKey is null)
        {
            throw new InvalidOperationException(_committed ? "The transaction was committed before." : "The transaction is empty.");
        }

        _committed = true;
        var scope = new RequestScope(_keyspace, _firstKey, Timeout: timeout);
        var answer = await _executor.ExecuteAsync(Operations.Txn, _request, scope, cancellationToken).ConfigureAwait(false);
        var results = answer.Results.Select(result => new KvTransactionItem<TValue>(
            result.Found, WireValues.EntryOrNull(result.State, _values), result.Number));
        return new KvTransactionResult<TValue>(answer.Succeeded, answer.Version, [.. results]) { ValuesNotKept = answer.Header?.ValuesNotKept ?? false };
    }

    private Google.Protobuf.ByteString Take(TKey key)
    {
        var bytes = _keys.Serialize(key);
        _firstKey ??= bytes;
        return WireValues.ToWire(bytes);
    }

    /// <summary>Operations in the order of execution; each sees the effects of those before it.</summary>
    public sealed class Branch
    {
        private readonly KvTransaction<TKey, TValue> _owner;
        private readonly Google.Protobuf.Collections.RepeatedField<TxnOperation> _operations;

        internal Branch(KvTransaction<TKey, TValue> owner, Google.Protobuf.Collections.RepeatedField<TxnOperation> operations)
        {
            _owner = owner;
            _operations = operations;
        }

        public Branch Get(TKey key) => Add(new TxnOperation { Get = new() { Key = _owner.Take(key) } });

        /// <param name="key">The key.</param>
        /// <param name="value">Its new value.</param>
        /// <param name="expiry">When it ends.</param>
        /// <param name="returnPrevious">The result contains the entry that the key had before this operation and after the earlier operations of the transaction.</param>
        public Branch Put(TKey key, TValue value, KvExpiry expiry = default, bool returnPrevious = false) => Add(new TxnOperation
        {
            Put = new()
            {
                Key = _owner.Take(key),
                Value = WireValues.ToWire(_owner._values.Serialize(value)),
                Options = WireValues.ToWire(expiry, returnPrevious),
            },
        });

        /// <param name="key">The key.</param>
        /// <param name="returnPrevious">The result contains the entry that the key had before this operation and after the earlier operations of the transaction.</param>
        public Branch Delete(TKey key, bool returnPrevious = false) => Add(new TxnOperation
        {
            Delete = new() { Key = _owner.Take(key), Options = WireValues.ToWire(KvExpiry.Default, returnPrevious) },
        });

        public Branch Increment(TKey key, long delta = 1, long initial = 0) => Add(new TxnOperation
        {
            Increment = new() { Key = _owner.Take(key), Delta = delta, Initial = initial },
        });

        /// <summary>
        /// An increment with bounds. If the result is out of bounds, the whole transaction is refused with OUT_OF_BOUNDS and has no effect.
        /// </summary>
        public Branch Increment(TKey key, long delta, KvIncrementOptions options)
        {
            ArgumentNullException.ThrowIfNull(options);
            if (options.Condition is not null)
            {
                throw new ArgumentException("An increment within a transaction has no condition of its own; use When.", nameof(options));
            }

            var increment = new TxnOperation.Types.Increment
            {
                Key = _owner.Take(key),
                Delta = delta,
                Initial = options.Initial,
                Options = WireValues.ToWire(options.Expiry),
            };
            if (options.Min is { } min)
            {
                increment.Min = min;
            }

            if (options.Max is { } max)
            {
                increment.Max = max;
            }

            return Add(new TxnOperation { Increment = increment });
        }

        private Branch Add(TxnOperation operation)
        {
            _operations.Add(operation);
            return this;
        }
    }
}

/// <param name="Succeeded">True: the conditions held and <c>Then</c> was executed. False: <c>Otherwise</c> was executed.</param>
/// <param name="Version">The version of every written key; 0 if none was written.</param>
/// <param name="Items">One per executed operation, in order.</param>
public sealed record KvTransactionResult<TValue>(bool Succeeded, long Version, IReadOnlyList<KvTransactionItem<TValue>> Items)
{
    /// <summary>
    /// An earlier attempt was executed, and the values that it read were too long to be stored with its outcome: the values of <see cref="Items"/>
    /// are missing here and must be read again. The effect of the writes is certain.
    /// </summary>
    public bool ValuesNotKept { get; init; }
}

/// <param name="Found">For a get: the key has a value. For a put or a delete: the key had a value before.</param>
/// <param name="Entry">For a get: the entry. For a put or a delete: the previous entry, if the operation requested it.</param>
/// <param name="Number">For an increment: the new number.</param>
public readonly record struct KvTransactionItem<TValue>(bool Found, KvEntry<TValue>? Entry, long Number);
