using System.CommandLine;
using System.Globalization;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>The options of <c>keyspace create</c> for an eventual keyspace, and their output.</summary>
internal sealed class EventualArguments
{
    private static readonly Dictionary<string, ConflictPolicy> Conflicts = new(StringComparer.Ordinal)
    {
        ["siblings"] = ConflictPolicy.Siblings,
        ["lww"] = ConflictPolicy.LastWriter,
        ["counter"] = ConflictPolicy.Counter,
        ["set"] = ConflictPolicy.Set,
        ["register"] = ConflictPolicy.Register,
        ["map"] = ConflictPolicy.Map,
    };

    private readonly Option<string> _mode = new("--mode")
    {
        Description = "strong (linearizable) or eventual (writable on every side of a partition). Cannot be changed later.",
        DefaultValueFactory = _ => "strong",
    };

    private readonly Option<int?> _n = new("--n") { Description = "Eventual: replicas of a key; default: 3, or the number of nodes if lower." };
    private readonly Option<int?> _r = new("--r") { Description = "Eventual: answers that a read waits for; default: a majority of n." };
    private readonly Option<int?> _w = new("--w") { Description = "Eventual: replicas that must acknowledge a write; default: a majority of n." };
    private readonly Option<bool> _strict = new("--strict") { Description = "Eventual: no other node may substitute a replica holder that does not answer." };
    private readonly Option<bool?> _strictOrNot = new("--strict") { Description = "Eventual: true: no other node may substitute a replica holder that does not answer; false: it may." };
    private readonly Option<string?> _conflict = new("--conflict")
    {
        Description = "Eventual: how concurrent writes are resolved: siblings (the default), lww, counter, set, register or map. siblings and lww can be changed later, the other types cannot.",
    };

    private readonly Option<string?> _durability = new("--durability")
    {
        Description = "Eventual: a replica acknowledges a write when it survives a power failure (fsync, the default), or when it is in memory (memory).",
    };

    public EventualArguments()
    {
        _mode.AcceptOnlyFromAmong("strong", "eventual");
        _conflict.AcceptOnlyFromAmong([.. Conflicts.Keys]);
        _durability.AcceptOnlyFromAmong("fsync", "memory");
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_mode, _n, _r, _w, _strict, _conflict, _durability])
        {
            command.Options.Add(option);
        }
    }

    public bool IsEventual(ParseResult parsed) => parsed.GetValue(_mode) == "eventual";

    /// <exception cref="UsageException">An option of eventual keyspaces is given for a strong one.</exception>
    public EventualPolicy? Policy(ParseResult parsed)
    {
        var (n, r, w) = (parsed.GetValue(_n), parsed.GetValue(_r), parsed.GetValue(_w));
        var (strict, conflict, durability) = (parsed.GetValue(_strict), parsed.GetValue(_conflict), parsed.GetValue(_durability));
        if (!IsEventual(parsed))
        {
            return n is null && r is null && w is null && !strict && conflict is null && durability is null
                ? null
                : throw new UsageException("--n, --r, --w, --strict, --conflict and --durability need --mode eventual.");
        }

        var policy = new EventualPolicy
        {
            Strict = strict,
            Conflict = conflict is null ? ConflictPolicy.Unspecified : Conflicts[conflict],
            Durability = DurabilityOf(durability),
        };
        if (n is { } copies)
        {
            policy.N = copies;
        }

        if (r is { } answers)
        {
            policy.R = answers;
        }

        if (w is { } safe)
        {
            policy.W = safe;
        }

        return policy;
    }

    /// <summary>The options of <c>keyspace alter</c>; the mode cannot be altered.</summary>
    public void AddToAlter(Command command)
    {
        foreach (var option in (Option[])[_n, _r, _w, _strictOrNot, _conflict, _durability])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Null if no option is given.</summary>
    public EventualPolicyChange? Change(ParseResult parsed)
    {
        var (n, r, w, strict) = (parsed.GetValue(_n), parsed.GetValue(_r), parsed.GetValue(_w), parsed.GetValue(_strictOrNot));
        var (conflict, durability) = (parsed.GetValue(_conflict), parsed.GetValue(_durability));
        if (n is null && r is null && w is null && strict is null && conflict is null && durability is null)
        {
            return null;
        }

        var change = new EventualPolicyChange
        {
            Conflict = conflict is null ? ConflictPolicy.Unspecified : Conflicts[conflict],
            Durability = DurabilityOf(durability),
        };
        if (n is { } copies)
        {
            change.N = copies;
        }

        if (r is { } answers)
        {
            change.R = answers;
        }

        if (w is { } safe)
        {
            change.W = safe;
        }

        if (strict is { } isStrict)
        {
            change.Strict = isStrict;
        }

        return change;
    }

    private static EventualDurability DurabilityOf(string? word) => word switch
    {
        "fsync" => EventualDurability.Fsync,
        "memory" => EventualDurability.Memory,
        _ => EventualDurability.Unspecified,
    };

    public static string Quorum(EventualPolicy? policy) => policy is null
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"n={policy.N} r={policy.R} w={policy.W}{(policy.Strict ? " strict" : "")}");

    public static string Conflict(EventualPolicy? policy) =>
        policy is null ? "" : Conflicts.FirstOrDefault(pair => pair.Value == policy.Conflict).Key ?? policy.Conflict.ToString();

    public static string Durability(EventualPolicy? policy) => policy?.Durability switch
    {
        null => "",
        EventualDurability.Memory => "memory",
        _ => "fsync",
    };
}
