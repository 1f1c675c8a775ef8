using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli;

/// <summary>One run of one verb: its arguments, the console, and the way to a client.</summary>
internal sealed class Invocation(ParseResult parsed, CliConsole console, GlobalOptions globals, CancellationToken cancellation)
{
    /// <summary>5 s: people wait that long before they look for a fault, and an election is over by then.</summary>
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    public ParseResult Parsed => parsed;

    public CliConsole Console => console;

    public CancellationToken Cancellation => cancellation;

    public string Keyspace => parsed.GetValue(globals.Keyspace)!;

    public OutputFormat Format =>
        parsed.GetValue(globals.Format) ?? (console.OutIsTerminal ? OutputFormat.Table : OutputFormat.Plain);

    /// <summary>JSON of either kind; they differ only where there can be many rows.</summary>
    public bool IsJson => Format is OutputFormat.Json or OutputFormat.Jsonl;

    public TimeSpan? Timeout => parsed.GetValue(globals.Timeout);

    public string[] Endpoints =>
        parsed.GetValue(globals.Endpoints)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Where the session is kept; null: nowhere.</summary>
    private string? SessionPath => parsed.GetValue(globals.SessionFile) is { Length: > 0 } path ? path : null;

    /// <summary>The client whose session is kept.</summary>
    private KvClient? _client;

    /// <summary>What a read sees if the command does not say otherwise: with a session at least that of it.</summary>
    public KvConsistency ConsistencyOf(KvClient client) =>
        SessionPath is null ? KvConsistency.Linearizable : KvConsistency.AtLeast(client.Session);

    /// <summary>Keeps what the command has seen for the next one.</summary>
    public void SaveSession()
    {
        if (SessionPath is { } path && _client is { } client)
        {
            SessionFile.Save(path, client.Session);
        }
    }

    /// <summary>A client of the cluster.</summary>
    /// <exception cref="UsageException">Endpoints or keyspace are malformed.</exception>
    public KvClient Connect(TimeSpan? defaultTimeout = null) => Connect(Endpoints, KvRouting.Direct, defaultTimeout);

    /// <summary>A client that speaks to one node only, whatever leads where.</summary>
    public KvClient ConnectTo(string endpoint, TimeSpan? defaultTimeout = null) =>
        Connect([endpoint], KvRouting.Endpoints, defaultTimeout);

    private KvClient Connect(IReadOnlyList<string> endpoints, KvRouting routing, TimeSpan? defaultTimeout)
    {
        var options = new KvClientOptions
        {
            Endpoints = endpoints,
            Keyspace = Keyspace,
            Timeout = Timeout ?? defaultTimeout ?? DefaultTimeout,
            Routing = routing,
            Tls = parsed.GetValue(globals.Tls),
            Name = "kvctl",
        };
        var faults = options.Validate();
        if (faults.Count > 0)
        {
            throw new UsageException(string.Join(" ", faults));
        }

        var client = new KvClient(options);
        if (SessionPath is { } path)
        {
            SessionFile.Load(path, client.Session);
            _client ??= client;
        }

        return client;
    }
}
