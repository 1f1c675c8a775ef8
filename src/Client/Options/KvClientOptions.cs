using Microsoft.Extensions.Logging;

namespace KvRaft.Client;

/// <summary>
/// The configuration of a client. Immutable. Each default has its reason in the comment. <see cref="Validate"/> reports all faults at once.
/// </summary>
public sealed record KvClientOptions
{
    /// <summary>The port of a node if an endpoint names none.</summary>
    public const int DefaultPort = 7401;

    /// <summary>The keyspace that exists in every cluster.</summary>
    public const string DefaultKeyspace = "default";

    /// <summary>Seed nodes, each <c>host:port</c>. One that answers is enough: it returns the addresses of the others.</summary>
    public IReadOnlyList<string> Endpoints { get; init; } = [];

    /// <summary>The keyspace of <see cref="IKvClient.Keyspace(string?)"/> without a name.</summary>
    public string Keyspace { get; init; } = DefaultKeyspace;

    /// <summary>
    /// The timeout of a request with all its retries. 2 s: an election takes about 1 s, so a request that meets an election usually succeeds after
    /// it. After the timeout a write without an answer ends with <see cref="KvOutcome.Unknown"/>.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The timeout of one attempt; after it another node is tried. 1 s, half of <see cref="Timeout"/>: a node that is suspended but connected costs
    /// half of the timeout. Sending again is safe, because the request id is the same.
    /// </summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The transport of single-key operations.</summary>
    public KvTransport Transport { get; init; } = KvTransport.Pipe;

    /// <summary>Whether the client sends requests directly to the leader of the shard.</summary>
    public KvRouting Routing { get; init; } = KvRouting.Direct;

    /// <summary>
    /// Pipes per node, at most 16. 1: one stream keeps one core of a node busy; more help only if a single write or read loop is the bottleneck.
    /// </summary>
    public int PipesPerNode { get; init; } = 1;

    /// <summary>
    /// Calls of one pipe that wait for an answer; further callers wait for a slot. 1024: at 10 ms per write this allows 100,000 writes per second,
    /// more than one pipe can transfer.
    /// </summary>
    public int PipeInFlightMax { get; init; } = 1024;

    /// <summary>
    /// The timeout of a connection attempt. 1 s: a lost SYN is repeated after 1 s (RFC 6298), and by then another node is the better choice.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A connection with requests under way that is silent for this time is pinged. 5 s: the minimum of the .NET HTTP/2 client is 1 s, and servers
    /// may treat frequent pings as an attack (ENHANCE_YOUR_CALM).
    /// </summary>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>If a ping is not answered within this time, the connection is closed. 5 s: longer than a pause of a healthy node.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The maximum size of a request and an answer, in bytes. 4 MiB, the default of gRPC and of the nodes.</summary>
    public int MessageBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Encrypts connections; this machine must trust the certificate of the node.</summary>
    public bool Tls { get; init; }

    /// <summary>The name of the client in the logs of the nodes.</summary>
    public string Name { get; init; } = "kvraft-dotnet";

    /// <summary>The logger factory; null: no logging.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock of timeouts and backoff.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The seed of the backoff jitter and of the choice between equal nodes; null: a random one.</summary>
    public int? RandomSeed { get; init; }

    /// <summary>Parses <c>kvraft://host:port,host:port/keyspace?timeout=2s&amp;…</c>; see <see cref="ConnectionString"/>.</summary>
    /// <exception cref="FormatException">The string is invalid; the message names all faults.</exception>
    public static KvClientOptions Parse(string connectionString) =>
        ConnectionString.TryParse(connectionString, out var options, out var faults)
            ? options
            : throw new FormatException("The connection string is invalid: " + string.Join(" ", faults));

    /// <returns>All faults, each a sentence; empty if there are none.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        Check(Endpoints.Count > 0, "Endpoints: at least one is needed.");
        foreach (var endpoint in Endpoints)
        {
            Check(Endpoint.IsValid(endpoint), $"Endpoints: '{endpoint}' is not host:port.");
        }

        Check(Keyspace.Length > 0, "Keyspace: must not be empty.");
        Positive(Timeout, nameof(Timeout));
        Positive(AttemptTimeout, nameof(AttemptTimeout));
        Positive(ConnectTimeout, nameof(ConnectTimeout));
        Check(KeepAlivePingDelay >= TimeSpan.FromSeconds(1), "KeepAlivePingDelay: at least 1 s.");
        Check(KeepAlivePingTimeout >= TimeSpan.FromSeconds(1), "KeepAlivePingTimeout: at least 1 s.");
        Check(PipesPerNode is >= 1 and <= 16, "PipesPerNode: from 1 to 16.");
        Check(PipeInFlightMax is >= 1 and <= 65536, "PipeInFlightMax: from 1 to 65536.");
        Check(MessageBytesMax >= 64 * 1024, "MessageBytesMax: at least 64 KiB.");
        Check(Enum.IsDefined(Transport), $"Transport: {Transport} is unknown.");
        Check(Enum.IsDefined(Routing), $"Routing: {Routing} is unknown.");
        return faults;

        void Check(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }

        void Positive(TimeSpan value, string name) =>
            Check(value > TimeSpan.Zero && value <= TimeSpan.FromHours(1), $"{name}: more than 0 and at most 1 h.");
    }

    /// <exception cref="ArgumentException">The options are invalid; the message names all faults.</exception>
    internal KvClientOptions ThrowIfInvalid() =>
        Validate() is { Count: > 0 } faults
            ? throw new ArgumentException("The client options are invalid: " + string.Join(" ", faults))
            : this;
}

/// <summary>The transport of single-key operations.</summary>
public enum KvTransport
{
    /// <summary>Many operations share one long-lived stream per node: a fraction of the CPU cost per operation.</summary>
    Pipe,

    /// <summary>One gRPC call per operation.</summary>
    Unary,
}

/// <summary>The target node of requests.</summary>
public enum KvRouting
{
    /// <summary>The leader of the key's shard according to the cached map.</summary>
    Direct,

    /// <summary>Only the given endpoints; the nodes forward. For clients behind a load balancer, and for tests of one node.</summary>
    Endpoints,
}
