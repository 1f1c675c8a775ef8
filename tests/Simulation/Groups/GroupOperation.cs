using System.Text;
using KvRaft.Chaos.Checkers;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Shards;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>An operation of a client. A read has no command.</summary>
internal sealed record GroupOperation(string Function, string Key)
{
    private static readonly KeyspaceId Keyspace = new(1);

    public HistoryValue Value { get; init; }

    public HistoryValue Expected { get; init; }

    public bool IsRead => Function is Functions.Get or Functions.Read;

    public bool IsOfCounter => Function is Functions.Read or Functions.Increment;

    public ReadOnlyMemory<byte> Command(RequestStamp stamp)
    {
        var key = Bytes(Key);
        ShardCommand command = Function switch
        {
            Functions.Put => new PutCommand(Keyspace, key, Bytes(Value.Content!)),
            Functions.CompareAndSet => new PutCommand(Keyspace, key, Bytes(Value.Content!)) { Condition = Expected.Content is { } old ? Condition.ValueEquals(Bytes(old)) : Condition.Absent },
            Functions.Delete => new DeleteCommand(Keyspace, key),
            Functions.Increment => new IncrementCommand(Keyspace, key, 1),
            _ => throw new InvalidOperationException($"{Function} has no command."),
        };
        return CommandCodec.Encode(command with { Stamp = stamp });
    }

    public static string? Read(ShardStateMachine machine, string key) =>
        machine.Get(Keyspace, Bytes(key)) is { } found ? Encoding.UTF8.GetString(found.Value.Span) : null;

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
