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
        return faults.Count == 0 ? new KvClient(options) : throw new UsageException(string.Join(" ", faults));
    }
}
