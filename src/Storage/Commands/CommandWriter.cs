using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>Writes the fields of command bodies; <see cref="CommandCodec"/> has the table. Expiries go into the header.</summary>
internal readonly ref struct CommandWriter(ByteWriter bytes, List<Expiry> expiries)
{
    public void Byte(byte value) => bytes.Byte(value);

    public void Count(int count) => bytes.VarUInt((ulong)count);

    public void Keyspace(KeyspaceId keyspace) => bytes.VarUInt(keyspace.Value);

    public void Expiry(Expiry expiry) => expiries.Add(expiry);

    public void Options(bool returnPrevious = false, bool returnCurrent = false) =>
        bytes.Byte((byte)((returnPrevious ? CommandOptions.ReturnPrevious : 0) | (returnCurrent ? CommandOptions.ReturnCurrent : 0)));

    public void Key(KeyspaceId keyspace, ReadOnlyMemory<byte> key)
    {
        Keyspace(keyspace);
        Key(key);
    }

    public void Key(ReadOnlyMemory<byte> key)
    {
        ThrowUnlessWithin(key.Length, ShardLimits.KeyBytesMax, "bytes in a key");
        bytes.Bytes(key.Span);
    }

    public void Value(ReadOnlyMemory<byte> value)
    {
        ThrowUnlessWithin(value.Length, ShardLimits.ValueBytesMax, "bytes in a value");
        bytes.Bytes(value.Span);
    }

    public void Addition(Addition addition)
    {
        bytes.VarSigned(addition.Delta);
        bytes.VarSigned(addition.Initial);
        bytes.Int64(addition.Min);
        bytes.Int64(addition.Max);
    }

    public void Condition(Condition condition)
    {
        bytes.Byte((byte)condition.Kind);
        switch (condition.Kind)
        {
            case ConditionKind.VersionEquals:
                bytes.VarUInt((ulong)condition.Version);
                break;
            case ConditionKind.ValueEquals:
                Value(condition.Value);
                break;
            case ConditionKind.ValueSha256Equals:
                bytes.Raw(condition.Value.Span);
                break;
        }
    }

    public static void ThrowUnlessWithin(int actual, int max, string what)
    {
        if (actual < 0 || actual > max)
        {
            throw new ArgumentException($"{actual} {what}; the limit is {max}.");
        }
    }
}

/// <summary>The options byte of a body.</summary>
internal static class CommandOptions
{
    public const byte ReturnPrevious = 2;
    public const byte ReturnCurrent = 4;
}
