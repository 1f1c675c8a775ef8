using System.Globalization;

namespace KvRaft.Chaos.Campaigns;

/// <summary>The arguments of the command line: <c>--name value</c> pairs, <c>--flag</c>s and nothing else.</summary>
internal sealed class CommandLine
{
    private static readonly HashSet<string> Flags = ["--list", "--totals", "--help", "--keep-data"];
    private static readonly HashSet<string> Values = ["--scenario", "--tier", "--duration", "--seed", "--runs", "--replicas", "--nodes", "--out", "--node", "--planted-node", "--build", "--sweep", "--planted", "--in", "--image", "--planted-image", "--other", "--other-node", "--other-image", "--records", "--judge", "--workload", "--initial", "--seconds-max", "--shrink-seconds-max", "--configurations-max"];

    private readonly Dictionary<string, string> _given = [];

    private CommandLine()
    {
    }

    public const string Usage =
        """
        chaos/run --list                          the faults, the workloads, and what this machine can inject
        chaos/run --totals                        what all runs so far came to together
        chaos/run --scenario FAULT/WORKLOAD,...   one or more cells of the matrix, one after another
        chaos/run --tier pr|nightly|sample        eleven cells and three planted bugs; all cells; or 60 cells drawn by the seed, in 1 to 2.5 h
        chaos/run --judge HISTORY                 judges a recorded history (.jsonl or .jsonl.gz); no store is started
        chaos/run --planted NAME,...|all          the self-test: a store with a bug put in on purpose must be convicted
            --in WHERE           nodes live in containers, namespaces (as if not given) or, all on loopback, processes
            --other DIRECTORY    another build of the node, for upgrades (that of the planted bugs, none of them on, if it is there)
            --duration SECONDS   how long faults are injected, per run (60; of the tier pr 15, of the tier sample 30)
            --seed N             of every choice the harness makes; a fresh one is printed if none is given
            --runs N             every cell so many times, with seeds N, N + 1, ... (1); every planted bug so many times from scratch
            --nodes N            how many (5; of the tier pr 3; of the tier sample as drawn); with 3 some partitions have no shape
            --replicas N         of a shard; 3, or all, by the seed, if not given
            --out FOLDER         where runs leave their folders (artifacts/chaos)
            --records FOLDER     the folder of the ledger that also gets a line for each run, such as chaos/records
            --workload NAME      with --judge: which judges, for a history whose header names no workload
            --initial TEXT       with --judge: the state in which every register starts (absent)
            --seconds-max N      with --judge: keys not judged by then are undecided (300)
            --shrink-seconds-max N   with --judge: for all counter-examples together (30)
            --configurations-max N   with --judge: states of the search held at once, about 100 bytes each; a key that needs more is undecided (1000000)
            --keep-data          keep the nodes' data also of a run that passed, or of a planted bug
        exit code: 0 passed, 1 violated, 2 misuse, 3 undecided, 4 could not be run here
        """;

    /// <exception cref="ArgumentException">An argument is not valid.</exception>
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

    /// <exception cref="ArgumentException">The value is not a whole number above 0.</exception>
    public int? Number(string name) => Text(name) is not { } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
        : throw new ArgumentException($"{name} {text}: a whole number above 0 is expected.");
}
