using System.CommandLine;
using System.CommandLine.Parsing;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli;

/// <summary>The options of every command. An option has priority over its environment variable, and the variable over the default.</summary>
internal sealed class GlobalOptions
{
    /// <summary>The three nodes of a development cluster on this machine.</summary>
    public const string DefaultEndpoints = "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403";

    public GlobalOptions(CliConsole console)
    {
        Endpoints = new Option<string>("--endpoints", "-e")
        {
            Description = "Nodes to connect to, host:port separated by commas (KVCTL_ENDPOINTS).",
            DefaultValueFactory = _ => console.Variable("KVCTL_ENDPOINTS") ?? DefaultEndpoints,
            Recursive = true,
        };
        Keyspace = new Option<string>("--keyspace", "-k")
        {
            Description = "The keyspace (KVCTL_KEYSPACE).",
            DefaultValueFactory = _ => console.Variable("KVCTL_KEYSPACE") ?? KvClientOptions.DefaultKeyspace,
            Recursive = true,
        };
        Format = new Option<OutputFormat?>("--output", "-o")
        {
            Description = "table, json, jsonl or plain; default: table on a terminal, otherwise plain.",
            Recursive = true,
        };
        Timeout = Duration("--timeout", "The timeout of a request with all its retries, e.g. 500ms, 5s, 1m.");
        Timeout.Recursive = true;
        SessionFile = new Option<string?>("--session")
        {
            Description = "A session file. get, mget and scan then read from any replica that has the state seen by earlier commands of the session (KVCTL_SESSION).",
            DefaultValueFactory = _ => console.Variable("KVCTL_SESSION"),
            Recursive = true,
        };
        Tls = new Option<bool>("--tls") { Description = "Encrypt connections.", Recursive = true };
    }

    public Option<string> Endpoints { get; }

    public Option<string> Keyspace { get; }

    public Option<OutputFormat?> Format { get; }

    public Option<TimeSpan?> Timeout { get; }

    public Option<string?> SessionFile { get; }

    public Option<bool> Tls { get; }

    public void AddTo(Command root)
    {
        root.Options.Add(Endpoints);
        root.Options.Add(Keyspace);
        root.Options.Add(Format);
        root.Options.Add(Timeout);
        root.Options.Add(SessionFile);
        root.Options.Add(Tls);
    }

    /// <summary>The global options that a command line sets, with their values as typed.</summary>
    public IReadOnlyList<(string Name, string Value)> GivenIn(ParseResult parsed) =>
    [
        .. new Option[] { Endpoints, Keyspace, Format, Timeout, SessionFile, Tls }
            .Select(parsed.GetResult)
            .Where(static result => result is { Implicit: false })
            .Select(static result => (result!.Option.Name, result.Tokens.Count == 0 ? "true" : result.Tokens[^1].Value)),
    ];

    /// <summary>An option whose value is a duration with a unit.</summary>
    public static Option<TimeSpan?> Duration(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = ParseDuration,
    };

    public static TimeSpan? ParseDuration(ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (DurationText.TryParse(text, out var duration) && duration > TimeSpan.Zero)
        {
            return duration;
        }

        result.AddError($"'{text}' is not a duration; write for example 500ms, 5s, 1m or 2h.");
        return null;
    }
}
