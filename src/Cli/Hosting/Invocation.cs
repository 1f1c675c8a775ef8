using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli;

/// <summary>One run of one command: its arguments, the console, and access to a client.</summary>
internal sealed class Invocation(ParseResult parsed, CliConsole console, GlobalOptions globals, CancellationToken cancellation)
{
    /// <summary>5 s: longer than an election, and short enough for a person to wait.</summary>
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    public ParseResult Parsed => parsed;

    public CliConsole Console => console;

    public CancellationToken Cancellation => cancellation;

    public string Keyspace => parsed.GetValue(globals.Keyspace)!;

    public OutputFormat Format =>
        parsed.GetValue(globals.Format) ?? (console.OutIsTerminal ? OutputFormat.Table : OutputFormat.Plain);

    /// <summary>JSON of either kind; the two differ only for commands that return several rows.</summary>
    public bool IsJson => Format is OutputFormat.Json or OutputFormat.Jsonl;

    public TimeSpan? Timeout => parsed.GetValue(globals.Timeout);

    public string[] Endpoints =>
        parsed.GetValue(globals.Endpoints)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The path of the session file; null: there is none.</summary>
    private string? SessionPath => parsed.GetValue(globals.SessionFile) is { Length: > 0 } path ? path : null;

    /// <summary>The client whose session is saved.</summary>
    private KvClient? _client;

    /// <summary>The consistency of a read if the command line sets none: with a session, at least the state that the session has seen.</summary>
    public KvConsistency ConsistencyOf(KvClient client) =>
        SessionPath is null ? KvConsistency.Linearizable : KvConsistency.AtLeast(client.Session);

    /// <summary>Saves the session for the next command.</summary>
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

    /// <summary>A client that sends every request to one node, even if that node does not lead the shard.</summary>
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
