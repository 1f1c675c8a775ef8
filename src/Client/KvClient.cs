using KvRaft.Client.Administration;
using KvRaft.Client.Keyspaces;
using KvRaft.Client.Requests;
using KvRaft.Client.Routing;
using KvRaft.Client.Sessions;
using KvRaft.Client.Telemetry;
using KvRaft.Client.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Client;

/// <summary>
/// The client of a KvRaft cluster.
/// <para>
/// <b>Where requests go.</b> Any node answers any request by forwarding it. The client watches the shard map and goes to the leader of a
/// key's shard itself, which saves the hop; while it knows nothing, or something stale, requests still succeed, they only travel
/// further, and every answer says who really gave it. So the map is never waited for and never has to be right.
/// </para>
/// <para>
/// <b>How they travel.</b> Single-key operations of all callers share one long stream per node (a pipe), many to a message; the
/// CPU of a call is paid once for all that waited. Transactions and scans are calls of their own.
/// </para>
/// <para>
/// <b>Why a retry is safe.</b> A write gets a name before it is first sent: this client's session and a number. The shard remembers the
/// outcome of each name in the same batch as its effect, and answers a repetition with the original answer. So the client sends again
/// after time-outs, broken connections and elections, to the same node or another, until an answer comes or the caller's time is over. Only
/// then, and only if some attempt may have arrived, is the outcome unknown; the exception says so and carries the name.
/// See <see cref="SessionSequence"/> and <see cref="RetryPolicy"/>.
/// </para>
/// <para>
/// <b>What it does not do.</b> It keeps no cache of values, and orders nothing: operations that must follow one another are awaited one
/// after the other.
/// </para>
/// </summary>
public sealed class KvClient : IKvClient, IDisposable
{
    private readonly ConnectionPool _connections;
    private readonly RouteWatcher _watcher;
    private readonly ClientTelemetry _telemetry;
    private readonly RequestExecutor _executor;
    private readonly ScanRunner _scans;
    private readonly Lock _closeLock = new();
    private Task? _closing;

    /// <exception cref="ArgumentException">The options have faults; the message names all of them.</exception>
    public KvClient(KvClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.ThrowIfInvalid();
        var log = (options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger("KvRaft.Client");
        var chance = SharedRandom.Create(options.RandomSeed);
        var health = new NodeHealth(options.TimeProvider);
        var sessions = new SessionSequence(Guid.NewGuid);
        var seen = new SeenIndexes();
        Routes.ClusterReplaced = seen.Clear;
        _connections = new ConnectionPool(options);
        _telemetry = new ClientTelemetry(options.TimeProvider, () => _connections.InFlight);
        _watcher = new RouteWatcher(Routes, _connections, health, options, chance, log);
        _executor = new RequestExecutor(
            options,
            Session,
            new RequestTransport(_connections, options),
            Routes,
            _watcher,
            health,
            sessions,
            seen,
            new RetryBudget(),
            _telemetry,
            chance,
            log);
        _scans = new ScanRunner(options, Session, _connections, Routes, _watcher, health, chance);
        Administration = new KvAdministration(new AdminCalls(options, _connections, Routes, health, chance));
        Eventual = new KvEventual(_executor);
    }

    public KvClientOptions Options { get; }

    public KvAdministration Administration { get; }

    public KvEventual Eventual { get; }

    public KvSession Session { get; } = new();

    internal RouteCache Routes { get; } = new();

    /// <summary>Makes a client. No connection is opened before the first request.</summary>
    /// <param name="connectionString"><c>kvraft://host:port,host:port/keyspace?timeout=2s</c>.</param>
    /// <exception cref="FormatException">The string has faults; the message names all of them.</exception>
    public static KvClient Connect(string connectionString) => new(KvClientOptions.Parse(connectionString));

    /// <inheritdoc cref="Connect(string)"/>
    public static KvClient Connect(KvClientOptions options) => new(options);

    public IKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Keyspace(string? name = null) =>
        Keyspace(name, KvSerializers.Bytes, KvSerializers.Bytes);

    public IKeyspace<TKey, TValue> Keyspace<TKey, TValue>(string? name, IKvSerializer<TKey> keys, IKvSerializer<TValue> values)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        return new Keyspace<TKey, TValue>(name ?? Options.Keyspace, _executor, _scans, keys, values);
    }

    /// <summary>Closes all connections. Requests under way fail; writes among them have an unknown outcome.</summary>
    public async ValueTask DisposeAsync() => await CloseOnce().ConfigureAwait(false);

    /// <summary>Begins to close and does not wait for it; for containers that cannot await.</summary>
    public void Dispose() => _ = CloseOnce();

    private Task CloseOnce()
    {
        lock (_closeLock)
        {
            return _closing ??= CloseAsync();
        }
    }

    private async Task CloseAsync()
    {
        await _watcher.DisposeAsync().ConfigureAwait(false);
        await _connections.DisposeAsync().ConfigureAwait(false);
        _telemetry.Dispose();
    }
}
