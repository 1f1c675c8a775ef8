using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Reads the fields of command bodies, with the limits of <see cref="ShardLimits"/>. After a field that is not valid, <see cref="Failed"/> is set and
/// later fields are empty.
/// </summary>
internal ref struct CommandReader(ByteReader bytes, ReadOnlySpan<Expiry> expiries)
{
    private readonly ReadOnlySpan<Expiry> _expiries = expiries;
    private ByteReader _bytes = bytes;
    private int _used;

    public readonly bool Failed => _bytes.Failed;

    /// <summary>The bytes and the expiries of the header are used up.</summary>
    public readonly bool AtEnd => _bytes.AtEnd && _used == _expiries.Length;

    public byte Byte() => _bytes.Byte();

    public int Count(int max) => _bytes.VarInt(max);

    public KeyspaceId Keyspace()
    {
        var value = _bytes.VarUInt();
        return new((uint)(value <= uint.MaxValue ? value : _bytes.Fail()));
    }

    /// <summary>The next expiry of the header; if it has too few, the reader fails.</summary>
    public Expiry Expiry()
    {
        if (_used < _expiries.Length)
        {
            return _expiries[_used++];
        }

        _bytes.Fail();
        return Commands.Expiry.Never;
    }

    public (bool Previous, bool Current) Options()
    {
        var options = _bytes.Byte();
        if ((options & ~(CommandOptions.ReturnPrevious | CommandOptions.ReturnCurrent)) != 0)
        {
            _bytes.Fail();
        }

        return ((options & CommandOptions.ReturnPrevious) != 0, (options & CommandOptions.ReturnCurrent) != 0);
    }

    /// <summary>The options byte of a command that returns no values.</summary>
    public void NoOptions()
    {
        if (_bytes.Byte() != 0)
        {
            _bytes.Fail();
        }
    }

    public ReadOnlyMemory<byte> Key() => _bytes.Bytes(ShardLimits.KeyBytesMax);

    public ReadOnlyMemory<byte> Value() => _bytes.Bytes(ShardLimits.ValueBytesMax);

    public Addition Addition() => new(_bytes.VarSigned(), _bytes.VarSigned(), _bytes.Int64(), _bytes.Int64());

    public Condition Condition()
    {
        switch ((ConditionKind)_bytes.Byte())
        {
            case ConditionKind.None:
                return Commands.Condition.None;
            case ConditionKind.Absent:
                return Commands.Condition.Absent;
            case ConditionKind.Present:
                return Commands.Condition.Present;
            case ConditionKind.VersionEquals when (long)_bytes.VarUInt() is > 0 and var version:
                return Commands.Condition.VersionEquals(version);
            case ConditionKind.ValueEquals:
                return Commands.Condition.ValueEquals(Value());
            case ConditionKind.ValueSha256Equals when _bytes.Raw(Commands.Condition.Sha256Bytes) is { IsEmpty: false } hash:
                return Commands.Condition.ValueSha256Equals(hash);
            default:
                _bytes.Fail();
                return Commands.Condition.None;
        }
    }
}
