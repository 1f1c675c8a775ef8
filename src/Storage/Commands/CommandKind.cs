namespace KvRaft.Storage.Commands;

/// <summary>The second byte of an encoded command. A number is never reused.</summary>
internal enum CommandKind : byte
{
    Put = 1,
    Delete = 2,
    Touch = 3,
    Increment = 4,
    Txn = 5,
    DeleteRange = 6,
    DropKeyspace = 7,
    Tick = 8,
    DeleteWholeRange = 9,
}

/// <summary>Reads the body of a command. Null, or a failed reader: the body is not of this kind.</summary>
internal delegate ShardCommand? ReadCommandBody(ref CommandReader body);

/// <summary>The commands that this version knows, by kind.</summary>
internal static class CommandKinds
{
    private static readonly ReadCommandBody?[] Bodies = Table(
        (CommandKind.Put, PutCommand.ReadBody),
        (CommandKind.Delete, DeleteCommand.ReadBody),
        (CommandKind.Touch, TouchCommand.ReadBody),
        (CommandKind.Increment, IncrementCommand.ReadBody),
        (CommandKind.Txn, TxnCommand.ReadBody),
        (CommandKind.DeleteRange, DeleteRangeCommand.ReadBody),
        (CommandKind.DropKeyspace, DropKeyspaceCommand.ReadBody),
        (CommandKind.Tick, TickCommand.ReadBody),
        (CommandKind.DeleteWholeRange, DeleteRangeCommand.ReadWholeBody));

    /// <summary>Null: this version does not know the kind.</summary>
    public static ReadCommandBody? BodyOf(CommandKind kind) => (int)kind < Bodies.Length ? Bodies[(int)kind] : null;

    private static ReadCommandBody?[] Table(params (CommandKind Kind, ReadCommandBody Read)[] commands)
    {
        var table = new ReadCommandBody?[commands.Max(static command => (int)command.Kind) + 1];
        foreach (var (kind, read) in commands)
        {
            table[(int)kind] = read;
        }

        return table;
    }
}
