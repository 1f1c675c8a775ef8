using System.Globalization;

namespace KvRaft.Chaos;

/// <summary>What was asked on the command line: <c>--name value</c> pairs, <c>--flag</c>s and nothing else.</summary>
internal sealed class CommandLine
{
    private static readonly HashSet<string> Flags = ["--list", "--totals", "--help", "--keep-data"];
    private static readonly HashSet<string> Values = ["--scenario", "--tier", "--duration", "--seed", "--runs", "--replicas", "--nodes", "--out", "--node", "--planted-node", "--build", "--sweep", "--planted", "--in", "--image", "--planted-image", "--other", "--other-node", "--other-image"];

    private readonly Dictionary<string, string> _given = [];

    private CommandLine()
    {
    }

    public const string Usage =
        """
        chaos/run --list                          the faults, the workloads, and what this machine can inject
        chaos/run --totals                        what all runs so far came to together
        chaos/run --scenario FAULT/WORKLOAD       one cell of the matrix
        chaos/run --tier pr|nightly               nine cells on three nodes and three planted bugs; or all cells
        chaos/run --planted NAME,...|all          the self-test: a store with a bug put in on purpose must be convicted
            --in WHERE           nodes live in containers, namespaces (as if not given) or, all on loopback, processes
            --other DIRECTORY    another build of the node, for upgrades (that of the planted bugs, none of them on, if it is there)
            --duration SECONDS   how long faults are injected, per run (60; of the tier pr 15)
            --seed N             of every choice the harness makes; a fresh one is printed if none is given
            --runs N             every cell so many times, with seeds N, N + 1, ... (1); every planted bug so many times from scratch
            --nodes N            how many (5; of the tier pr 3); with 3 some partitions have no shape
            --replicas N         of a shard; 3, or all, by the seed, if not given
            --out FOLDER         where runs leave their folders (artifacts/chaos)
            --keep-data          keep the nodes' data also of a run that passed, or of a planted bug
        exit code: 0 passed, 1 violated, 2 misuse, 3 undecided, 4 could not be run here
        """;

    /// <exception cref="ArgumentException">Something is not understood.</exception>
    public static CommandLine Parse(IReadOnlyList<string> arguments)
    {
        var line = new CommandLine();
        for (var place = 0; place < arguments.Count; place++)
        {
            var name = arguments[place];
            if (Flags.Contains(name))
            {
                line._given[name] = "";
            }
            else if (Values.Contains(name) && place + 1 < arguments.Count)
            {
                line._given[name] = arguments[++place];
            }
            else
            {
                throw new ArgumentException($"'{name}' is not understood.");
            }
        }

        return line;
    }

    public bool Has(string flag) => _given.ContainsKey(flag);

    public string? Text(string name) => _given.GetValueOrDefault(name);

    /// <exception cref="ArgumentException">It is no whole number above 0.</exception>
    public int? Number(string name) => Text(name) is not { } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
        : throw new ArgumentException($"{name} {text}: a whole number above 0 is expected.");
}
