using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace KvRaft.Node.Tests.Fuzz;

/// <summary>
/// Random messages of any type: every field absent, at the edges of its type, at the edges of the limits, or plausible, so that some
/// requests are nearly correct and pass many checks before they are refused.
/// </summary>
internal sealed class MessageFuzz(Random chance)
{
    private const int DepthMax = 6;

    private static readonly string[] Texts = ["", "default", "fuzz-a", "fuzz-b", "nobody", "UPPER", "\0", "a/b", "{tag}", new string('x', 300)];

    private static readonly long[] Numbers =
        [0, 1, 2, -1, 7, 60_000, 1 << 20, (1 << 20) + 1, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue, uint.MaxValue];

    private readonly List<ByteString> _tokens = [];

    /// <summary>Bytes that a node returned, to be sent in other fields.</summary>
    public void Remember(ByteString token)
    {
        if (!token.IsEmpty && _tokens.Count < 64)
        {
            _tokens.Add(token);
        }
    }

    public IMessage Make(MessageDescriptor type, int depth = 0)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            if (chance.Next(10) < 4 || depth > DepthMax)
            {
                continue;
            }

            if (field.IsMap)
            {
                continue;
            }

            if (field.IsRepeated)
            {
                var list = (IList)field.Accessor.GetValue(message);
                var count = chance.Next(40) == 0 ? 300 : chance.Next(4);
                for (var i = 0; i < count; i++)
                {
                    list.Add(Value(field, depth, isMany: count > 4));
                }
            }
            else
            {
                field.Accessor.SetValue(message, Value(field, depth, isMany: false));
            }
        }

        return message;
    }

    private object Value(FieldDescriptor field, int depth, bool isMany) => field.FieldType switch
    {
        FieldType.Message => Make(field.MessageType, depth + 1),
        FieldType.Bytes => Bytes(isMany),
        FieldType.String => Texts[chance.Next(Texts.Length)],
        FieldType.Bool => chance.Next(2) == 0,
        FieldType.Double => chance.NextDouble(),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, chance.Next(5) == 0 ? 99 : chance.Next(4)),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => unchecked((int)Number()),
        FieldType.UInt32 or FieldType.Fixed32 => unchecked((uint)Number()),
        FieldType.UInt64 or FieldType.Fixed64 => unchecked((ulong)Number()),
        _ => Number(),
    };

    private long Number() => chance.Next(3) == 0 ? chance.Next(1, 20) : Numbers[chance.Next(Numbers.Length)];

    private ByteString Bytes(bool isMany)
    {
        var kind = chance.Next(isMany ? 8 : 12);
        return kind switch
        {
            0 => ByteString.Empty,
            1 or 2 or 3 => ByteString.CopyFromUtf8($"k{chance.Next(50)}"),
            4 => ByteString.CopyFromUtf8($"{{t{chance.Next(3)}}}/k{chance.Next(9)}"),
            5 => Noise(16),
            6 => Noise(32),
            7 => Noise(chance.Next(64)),
            8 => Noise(4096 + chance.Next(2)),
            9 => ByteString.CopyFromUtf8("12"),
            10 when _tokens.Count > 0 => Damaged(_tokens[chance.Next(_tokens.Count)]),
            11 when chance.Next(20) == 0 => Noise((1 << 20) + chance.Next(2)),
            _ => Noise(8),
        };
    }

    private ByteString Damaged(ByteString token)
    {
        var bytes = token.ToByteArray();
        if (chance.Next(2) == 0)
        {
            bytes[chance.Next(bytes.Length)] ^= (byte)(1 << chance.Next(8));
        }

        return ByteString.CopyFrom(bytes, 0, chance.Next(3) == 0 ? chance.Next(bytes.Length) : bytes.Length);
    }

    private ByteString Noise(int length)
    {
        var bytes = new byte[length];
        chance.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }
}
