using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>
/// A second implementation of the rules of a shard, as simple as possible: one sorted dictionary, no batches, no index, no codec. Its sessions are never
/// discarded, so it is valid for logs so short that the real one discards none either.
/// </summary>
internal sealed class ShardModel
{
    private SortedDictionary<(uint Keyspace, string Key), (string Value, long Version, long ExpireAtMs)> _rows = new(Comparer<(uint, string)>.Create(
        (x, y) => x.Item1 != y.Item1 ? x.Item1.CompareTo(y.Item1) : string.CompareOrdinal(x.Item2, y.Item2)));

    private readonly Dictionary<(ClientId, ulong), (string Body, string Answer)> _answers = [];
    private readonly Dictionary<ClientId, ulong> _floors = [];

    public long Clock { get; private set; }

    public long Revision { get; private set; }

    public IEnumerable<string> Visible => _rows
        .Where(row => IsVisible(row.Value))
        .Select(row => $"{row.Key.Keyspace}/{row.Key.Key}={row.Value.Value}@{row.Value.Version}!{row.Value.ExpireAtMs}");

    public string[] Apply(long nowMs, ShardCommand[] commands)
    {
        Clock = Math.Max(Clock, nowMs);
        return [.. commands.Select(ApplyOnce)];
    }

    private const string TooLarge = "Refused AnswerTooLarge";

    private string ApplyOnce(ShardCommand command)
    {
        var stamp = command.Stamp;
        if (stamp.IsNone)
        {
            return Apply(command);
        }

        var floor = Math.Max(_floors.GetValueOrDefault(stamp.Client), stamp.FirstUnacked);
        if (stamp.Sequence < floor)
        {
            return "Refused RequestIdExpired";
        }

        var body = Body(command);
        if (_answers.TryGetValue((stamp.Client, stamp.Sequence), out var known))
        {
            return known.Body == body ? "again " + known.Answer : "Refused RequestIdReused";
        }

        var answer = Apply(command);
        if (answer == TooLarge)
        {
            return answer;
        }

        _answers[(stamp.Client, stamp.Sequence)] = (body, answer);
        _floors[stamp.Client] = floor;
        return answer;
    }

    /// <summary>The properties that make two requests equal: what the client sent, without the stamp, the limit of the answer, and an expiry that only the keyspace has.</summary>
    private static string Body(ShardCommand command) => Convert.ToHexString(CommandCodec.Encode(command with { AnswerBytesMax = 0 } switch
    {
        PutCommand put => put with { Stamp = default, Expiry = Named(put.Expiry) },
        TouchCommand touch => touch with { Stamp = default, Expiry = Named(touch.Expiry) },
        IncrementCommand add => add with { Stamp = default, Expiry = Named(add.Expiry) },
        TxnCommand txn => new TxnCommand(txn.Compares, [.. txn.Then.Select(Named)], [.. txn.Else.Select(Named)]),
        var other => other with { Stamp = default },
    }));

    private static Expiry Named(Expiry expiry) => expiry.Kind == ExpiryKind.AfterByDefault ? Expiry.Never : expiry;

    /// <summary>A time-to-live counts from the clock that decides about the expiry.</summary>
    private long End(Expiry expiry) => expiry.Kind is ExpiryKind.After or ExpiryKind.AfterByDefault ? Clock + expiry.Milliseconds : expiry.Milliseconds;

    private static TxnOperation Named(TxnOperation operation) => operation switch
    {
        TxnPut put => put with { Expiry = Named(put.Expiry) },
        TxnIncrement add => add with { Expiry = Named(add.Expiry) },
        _ => operation,
    };

    private string Apply(ShardCommand command)
    {
        switch (command)
        {
            case PutCommand put:
                return Answered(put, put.Keyspace, put.Key, put.Condition, put.ReturnPrevious, put.ReturnCurrent) ?? Guarded(put.Keyspace, put.Key, put.Condition, false, before =>
                {
                    Revision++;
                    Write(put.Keyspace, put.Key, Text(put.Value), End(put.Expiry));
                    return $"{Done(before)} !{End(put.Expiry)}";
                });
            case DeleteCommand delete:
                return Answered(delete, delete.Keyspace, delete.Key, delete.Condition, delete.ReturnPrevious, delete.ReturnCurrent) ?? Guarded(delete.Keyspace, delete.Key, delete.Condition, false, before =>
                {
                    Revision++;
                    _rows.Remove(Key(delete.Keyspace, delete.Key));
                    return $"{Done(before)} !0";
                });
            case TouchCommand touch:
                return Guarded(touch.Keyspace, touch.Key, touch.Condition, true, before =>
                {
                    Revision++;
                    Write(touch.Keyspace, touch.Key, before!.Value.Value, End(touch.Expiry));
                    return $"{Done(before)} !{End(touch.Expiry)}";
                });
            case IncrementCommand add:
                return Guarded(add.Keyspace, add.Key, add.Condition, false, before =>
                {
                    if (Sum(before?.Value, add.Delta, add.Initial, add.Min, add.Max) is not { Refusal: null } sum)
                    {
                        return "Refused " + Sum(before?.Value, add.Delta, add.Initial, add.Min, add.Max).Refusal;
                    }

                    Revision++;
                    Write(add.Keyspace, add.Key, $"{sum.Value}", before?.ExpireAtMs ?? End(add.Expiry));
                    return $"{Done(before)} !{before?.ExpireAtMs ?? End(add.Expiry)} #{sum.Value}";
                });
            case TxnCommand txn:
                return Apply(txn);
            case DeleteRangeCommand range:
                return Apply(range);
            case DropKeyspaceCommand drop:
                Revision++;
                foreach (var key in _rows.Keys.Where(key => key.Keyspace == drop.Keyspace.Value).ToList())
                {
                    _rows.Remove(key);
                }

                return $"Applied {Revision}";
            case TickCommand tick:
                foreach (var (key, _) in _rows.Where(row => !IsVisible(row.Value)).OrderBy(row => row.Value.ExpireAtMs).ThenBy(row => row.Key, _rows.Comparer).Take(tick.RowsMax).ToList())
                {
                    _rows.Remove(key);
                }

                return $"Applied {Revision}";
            default:
                throw new InvalidOperationException();
        }
    }

    private string Apply(TxnCommand txn)
    {
        var holds = txn.Compares.All(compare => Holds(compare.Condition, Find(compare.Keyspace, compare.Key)));
        var before = new SortedDictionary<(uint Keyspace, string Key), (string Value, long Version, long ExpireAtMs)>(_rows, _rows.Comparer);
        Revision++;
        var room = (long)txn.AnswerBytesMax;
        var results = new StringBuilder();
        foreach (var operation in holds ? txn.Then : txn.Else)
        {
            var current = Find(operation.Keyspace, operation.Key);
            results.Append(CultureInfo.InvariantCulture, $" {current?.Version ?? 0}");
            if (operation is TxnGet or TxnPut { ReturnPrevious: true } or TxnDelete { ReturnPrevious: true } && current is { } answered && (room -= Size(answered.Value)) < 0)
            {
                _rows = before;
                Revision--;
                return TooLarge;
            }

            switch (operation)
            {
                case TxnGet:
                    results.Append(CultureInfo.InvariantCulture, $"'{current?.Value}'");
                    break;
                case TxnPut put:
                    Write(put.Keyspace, put.Key, Text(put.Value), End(put.Expiry));
                    break;
                case TxnDelete delete:
                    _rows.Remove(Key(delete.Keyspace, delete.Key));
                    break;
                case TxnIncrement add:
                    var sum = Sum(current?.Value, add.Delta, add.Initial, add.Min, add.Max);
                    if (sum.Refusal is not null)
                    {
                        _rows = before;
                        Revision--;
                        return "Refused " + sum.Refusal;
                    }

                    Write(add.Keyspace, add.Key, $"{sum.Value}", current?.ExpireAtMs ?? End(add.Expiry));
                    results.Append(CultureInfo.InvariantCulture, $"#{sum.Value}");
                    break;
            }
        }

        return $"Applied {Revision} {holds}{results}";
    }

    private string Apply(DeleteRangeCommand range)
    {
        var keys = _rows.Keys
            .Where(key => key.Keyspace == range.Keyspace.Value
                && string.CompareOrdinal(key.Key, Text(range.From)) >= 0
                && (range.To.IsEmpty || string.CompareOrdinal(key.Key, Text(range.To)) < 0))
            .Take(range.KeysMax + 1)
            .ToList();
        if (range.AllOrNothing && keys.Count > range.KeysMax)
        {
            return "Refused RangeTooLarge";
        }

        Revision++;
        var removed = 0;
        foreach (var key in keys.Take(range.KeysMax))
        {
            removed += IsVisible(_rows[key]) ? 1 : 0;
            _rows.Remove(key);
        }

        return $"Applied {Revision} -{removed} {(keys.Count > range.KeysMax ? keys[^1].Key : "done")}";
    }

    private string Guarded(
        KeyspaceId keyspace,
        ReadOnlyMemory<byte> key,
        Condition condition,
        bool needsKey,
        Func<(string Value, long Version, long ExpireAtMs)?, string> then)
    {
        var current = Find(keyspace, key);
        return Holds(condition, current) && (current is not null || !needsKey) ? then(current) : $"ConditionFailed {current?.Version ?? 0}";
    }

    /// <summary>The refusal of a command whose answer would be too large.</summary>
    private string? Answered(ShardCommand command, KeyspaceId keyspace, ReadOnlyMemory<byte> key, Condition condition, bool previous, bool current) =>
        Find(keyspace, key) is { } there && (previous || (current && !Holds(condition, there))) && Size(there.Value) > command.AnswerBytesMax ? TooLarge : null;

    private static int Size(string value) => Encoding.UTF8.GetByteCount(value) + ShardLimits.AnswerOverheadBytes;

    private string Done((string Value, long Version, long ExpireAtMs)? before) => $"Applied {Revision} over {before?.Version ?? 0}";

    private static bool Holds(Condition condition, (string Value, long Version, long ExpireAtMs)? current) => condition.Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.Absent => current is null,
        ConditionKind.Present => current is not null,
        ConditionKind.VersionEquals => current?.Version == condition.Version,
        ConditionKind.ValueSha256Equals => current is { } there
            && SHA256.HashData(Encoding.UTF8.GetBytes(there.Value)).AsSpan().SequenceEqual(condition.Value.Span),
        _ => current?.Value == Text(condition.Value),
    };

    private static (string? Refusal, long Value) Sum(string? value, long delta, long initial, long min, long max)
    {
        var before = initial;
        if (value is not null && !long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out before))
        {
            return ("NotANumber", 0);
        }

        var sum = before + delta;
        return sum < min || sum > max ? ("OutOfBounds", 0) : (null, sum);
    }

    private void Write(KeyspaceId keyspace, ReadOnlyMemory<byte> key, string value, long expireAtMs) =>
        _rows[Key(keyspace, key)] = (value, Revision, expireAtMs);

    private (string Value, long Version, long ExpireAtMs)? Find(KeyspaceId keyspace, ReadOnlyMemory<byte> key) =>
        _rows.TryGetValue(Key(keyspace, key), out var row) && IsVisible(row) ? row : null;

    private bool IsVisible((string Value, long Version, long ExpireAtMs) row) => row.ExpireAtMs == 0 || Clock < row.ExpireAtMs;

    private static (uint, string) Key(KeyspaceId keyspace, ReadOnlyMemory<byte> key) => (keyspace.Value, Text(key));

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
