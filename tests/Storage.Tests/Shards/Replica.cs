using System.Text;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>A state machine under test, with a log that assigns the indices.</summary>
internal sealed class Replica : IDisposable
{
    public static readonly KeyspaceId Space = new(7);

    private readonly IEngineFactory _engines;
    private readonly SessionLimits _limits;
    private readonly string _path;

    public Replica(string path, IEngineFactory? engines = null, SessionLimits? limits = null)
    {
        _path = path;
        _engines = engines ?? new InMemoryEngines();
        _limits = limits ?? SessionLimits.Standard;
        Machine = ShardStateMachine.Open(path, _engines, ShardSettings.Default, _limits);
        Next = Machine.Applied.Index + 1;
    }

    public ShardStateMachine Machine { get; private set; }

    /// <summary>Index of the next entry.</summary>
    public long Next { get; set; }

    /// <summary>The stamp that the proposing leader gives entries.</summary>
    public long NowMs { get; set; } = 1_000;

    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static PutCommand Put(string key, string value, long expireAtMs = 0) =>
        new(Space, Bytes(key), Bytes(value)) { Expiry = Expiry.At(expireAtMs) };

    public static PutCommand PutFor(string key, string value, long ttlMs) =>
        new(Space, Bytes(key), Bytes(value)) { Expiry = Expiry.After(ttlMs) };

    public static DeleteCommand Delete(string key) => new(Space, Bytes(key));

    public ShardOutcome Apply(ShardCommand command) => Apply([command]).Single();

    public IReadOnlyList<ShardOutcome> Apply(params IReadOnlyList<ShardCommand> commands) =>
        [.. Machine.Apply([Entry(commands)]).Single().Cast<ShardOutcome>()];

    public CommittedEntry Entry(params IReadOnlyList<ShardCommand> commands) =>
        new(new(1, Next++), NowMs, [.. commands.Select(command => (ReadOnlyMemory<byte>)CommandCodec.Encode(command))], IsClockStep: true);

    public string? Get(string key) =>
        Machine.Get(Space, Bytes(key).Span) is { } value ? Encoding.UTF8.GetString(value.Value.Span) : null;

    public string Scan(string from = "", string to = "") =>
        string.Join(' ', Machine.Scan(new(Space, Bytes(from), Bytes(to))).Items.Select(item => Encoding.UTF8.GetString(item.Key.Span)));

    public void Reopen()
    {
        Machine.Dispose();
        Machine = ShardStateMachine.Open(_path, _engines, ShardSettings.Default, _limits);
        Next = Machine.Applied.Index + 1;
    }

    public void Dispose() => Machine.Dispose();
}
