using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Matrix;

/// <summary>How one scenario is run.</summary>
internal sealed record RunOptions
{
    public required NodeBuild Build { get; init; }

    /// <summary>What nodes are upgraded to and back; null: they are not.</summary>
    public NodeBuild? OtherBuild { get; init; }

    /// <summary>Where nodes live.</summary>
    public required INodeHost Host { get; init; }

    /// <summary>Where the run's folder is made.</summary>
    public required string Output { get; init; }

    /// <summary>A folder whose <c>runs.jsonl</c> gets the line of this run as well; null: none.</summary>
    public string? Records { get; init; }

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(60);

    public int Seed { get; init; }

    /// <summary>Logical clients; with at most ten per key the judges stay fast.</summary>
    public int Workers { get; init; } = 10;

    /// <summary>The longest pause of a worker between two operations. 60 ms: some 250 operations a second in all.</summary>
    public TimeSpan PauseMax { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>What the header calls the build.</summary>
    public string? BuildName { get; init; }

    /// <summary>Keep the nodes' data also when all is well.</summary>
    public bool KeepData { get; init; }

    /// <summary>Three or more.</summary>
    public int Nodes { get; init; } = 5;

    /// <summary>So many nodes were asked for; otherwise a scenario that takes more has more.</summary>
    public bool NodesAreGiven { get; init; }

    /// <summary>Null: three, or as many as there are nodes, by the seed.</summary>
    public int? Replicas { get; init; }

    /// <summary>The fault put into the store on purpose; null: none.</summary>
    public string? PlantedBug { get; init; }

    /// <summary>These options, for this scenario.</summary>
    public RunOptions For(Scenario scenario) => NodesAreGiven ? this : this with { Nodes = Math.Max(Nodes, scenario.NodesMin) };
}
