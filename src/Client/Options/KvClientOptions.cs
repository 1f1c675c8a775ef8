using Microsoft.Extensions.Logging;

namespace KvRaft.Client;

/// <summary>
/// What a client is asked to be. Immutable: a client keeps the record it was made with. Each number says where its default
/// comes from. <see cref="Validate"/> reports every fault at once.
/// </summary>
public sealed record KvClientOptions
{
    /// <summary>The port of a node if an endpoint names none.</summary>
    public const int DefaultPort = 7401;

    /// <summary>The keyspace every cluster has.</summary>
    public const string DefaultKeyspace = "default";

    /// <summary>Nodes to begin with, each <c>host:port</c>. One that answers is enough: it tells the others.</summary>
    public IReadOnlyList<string> Endpoints { get; init; } = [];

    /// <summary>The keyspace of <see cref="IKvClient.Keyspace(string?)"/> without a name.</summary>
    public string Keyspace { get; init; } = DefaultKeyspace;

    /// <summary>
    /// How long a request may take with all its retries. 2 s: an election takes about 1 s, so that a request which meets one
    /// usually outlives it. After that a write whose fate is not known ends as <see cref="KvOutcome.Unknown"/>.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long one attempt waits for its answer before another node is tried. 1 s, half of <see cref="Timeout"/>: a node that
    /// is stopped but connected costs half the patience. Sending again is safe, because it is the same numbered write.
    /// </summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How single-key operations travel.</summary>
    public KvTransport Transport { get; init; } = KvTransport.Pipe;

    /// <summary>Whether the client goes to the shard's leader itself.</summary>
    public KvRouting Routing { get; init; } = KvRouting.Direct;

    /// <summary>
    /// Pipes per node. 1: one stream keeps a core of a node busy; more help only if a single writer or reader loop becomes the
    /// limit. At most 16.
    /// </summary>
    public int PipesPerNode { get; init; } = 1;

    /// <summary>
    /// Calls of one pipe that wait for an answer; more callers wait for a place. 1024: at 10 ms a write this admits 100,000
    /// writes a second, more than one pipe carries.
    /// </summary>
    public int PipeInFlightMax { get; init; } = 1024;

    /// <summary>How long a connection may take to come up. 1 s: a SYN that is lost once is repeated after 1 s (RFC 6298), and
    /// another node is the better bet than that.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A connection with requests under way that is silent for so long is pinged. 5 s; 1 s is the least HTTP/2 clients
    /// of .NET allow, and servers may call pings more often than every few seconds an attack (ENHANCE_YOUR_CALM).</summary>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A ping unanswered for so long ends the connection. 5 s: longer than a pause of a healthy node.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The largest request and answer, in bytes. 4 MiB, gRPC's own default, and the node's.</summary>
    public int MessageBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Encrypt connections; the node's certificate must be trusted by this machine.</summary>
    public bool Tls { get; init; }

    /// <summary>How the client calls itself in the nodes' logs.</summary>
    public string Name { get; init; } = "kvraft-dotnet";

    /// <summary>Where the client logs; null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock of time-outs and back-off.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The seed of back-off jitter and of the choice between equal nodes; null: a fresh one.</summary>
    public int? RandomSeed { get; init; }

    /// <summary>Reads <c>kvraft://host:port,host:port/keyspace?timeout=2s&amp;…</c>; see <see cref="ConnectionString"/>.</summary>
    /// <exception cref="FormatException">The string has faults; the message names all of them.</exception>
    public static KvClientOptions Parse(string connectionString) =>
        ConnectionString.TryParse(connectionString, out var options, out var faults)
            ? options
            : throw new FormatException("The connection string has faults: " + string.Join(" ", faults));

    /// <returns>Every fault, each a sentence; empty if there is none.</returns>
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

    /// <exception cref="ArgumentException">There are faults; the message names all of them.</exception>
    internal KvClientOptions ThrowIfInvalid() =>
        Validate() is { Count: > 0 } faults
            ? throw new ArgumentException("The options of the client have faults: " + string.Join(" ", faults))
            : this;
}

/// <summary>How single-key operations travel.</summary>
public enum KvTransport
{
    /// <summary>Many at once over one long stream per node: a fraction of the CPU per operation.</summary>
    Pipe,

    /// <summary>One gRPC call each.</summary>
    Unary,
}

/// <summary>Which node a request is sent to.</summary>
public enum KvRouting
{
    /// <summary>The leader of the key's shard, as far as the client knows it.</summary>
    Direct,

    /// <summary>Only the given endpoints; they forward. For clients behind a load balancer, and to test one node.</summary>
    Endpoints,
}
