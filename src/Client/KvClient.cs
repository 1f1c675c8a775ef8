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
/// <b>Routing.</b> Every node answers every request, if necessary by forwarding it. The client watches the shard map and sends a request to the
/// leader of the key's shard, which saves a hop. With an empty or outdated map requests still succeed with one more hop, and every answer names the
/// node that gave it. Requests therefore never wait for the map, and the map does not have to be correct.
/// </para>
/// <para>
/// <b>Transport.</b> The single-key operations of all callers share one long-lived stream per node (a pipe), many operations per message, so all
/// operations that wait share the CPU cost of one call. Transactions and scans are separate calls.
/// </para>
/// <para>
/// <b>Safe retries.</b> A write gets a request id before it is first sent: the session of this client and a number. The shard stores the outcome of
/// each request id in the same batch as its effect, and answers a repetition with the original answer. So after timeouts, broken connections and
/// elections the client sends the write again, to the same node or to another, until it receives an answer or the timeout of the caller expires. If
/// the timeout expires and some attempt may have reached a node, the outcome is unknown; the exception reports this and contains the request id. See
/// <see cref="SessionSequence"/> and <see cref="RetryPolicy"/>.
/// </para>
/// <para>
/// <b>Limits.</b> The client caches no values and orders no operations: if one operation must follow another, await the first before starting the
/// second.
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

    /// <exception cref="ArgumentException">The options are invalid; the message names all faults.</exception>
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

    /// <summary>Creates a client. No connection is opened before the first request.</summary>
    /// <param name="connectionString"><c>kvraft://host:port,host:port/keyspace?timeout=2s</c>.</param>
    /// <exception cref="FormatException">The string is invalid; the message names all faults.</exception>
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

    /// <summary>Closes all connections. Requests under way fail; the outcome of writes among them is unknown.</summary>
    public async ValueTask DisposeAsync() => await CloseOnce().ConfigureAwait(false);

    /// <summary>Starts to close the client and does not wait for the end; for containers that cannot await.</summary>
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
