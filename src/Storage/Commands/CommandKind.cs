using KvRaft.Topology;

namespace KvRaft.Storage.Commands;

/// <summary>Reads the body of a command. Null, or a failed reader: the body is not of this kind.</summary>
internal delegate ShardCommand? ReadCommandBody(ref CommandReader body);

/// <summary>A kind of command in the log.</summary>
/// <param name="number">The second byte of the encoded command. A number is never reused.</param>
/// <param name="name">For error messages.</param>
internal sealed class CommandKind(byte number, string name, ReadCommandBody readBody)
{
    public byte Number => number;

    public ReadCommandBody ReadBody => readBody;

    public override string ToString() => name;
}

/// <summary>The kinds that this version knows, by number.</summary>
internal static class CommandKinds
{
    private static readonly CommandKind?[] ByNumber = Table(
        PutCommand.Format,
        DeleteCommand.Format,
        TouchCommand.Format,
        IncrementCommand.Format,
        TxnCommand.Format,
        DeleteRangeCommand.Format,
        DropKeyspaceCommand.Format,
        TickCommand.Format,
        DeleteRangeCommand.WholeFormat);

    /// <summary>Null: this version does not know the kind.</summary>
    public static CommandKind? Of(byte number) => number < ByNumber.Length ? ByNumber[number] : null;

    private static CommandKind?[] Table(params ReadOnlySpan<CommandKind> kinds)
    {
        var highest = 0;
        foreach (var kind in kinds)
        {
            highest = Math.Max(highest, kind.Number);
        }

        var table = new CommandKind?[highest + 1];
        foreach (var kind in kinds)
        {
            Invariant.Holds(table[kind.Number] is null, "two kinds of commands have one number");
            table[kind.Number] = kind;
        }

        return table;
    }
}
