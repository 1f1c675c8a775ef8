using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Matrix;

/// <summary>The options of a run.</summary>
internal sealed record RunOptions
{
    public required NodeBuild Build { get; init; }

    /// <summary>The build that nodes are upgraded to and back from; null: none.</summary>
    public NodeBuild? OtherBuild { get; init; }

    /// <summary>The host of the nodes.</summary>
    public required INodeHost Host { get; init; }

    /// <summary>Where the folder of the run is created.</summary>
    public required string Output { get; init; }

    /// <summary>A folder whose <c>runs.jsonl</c> gets the line of this run as well; null: none.</summary>
    public string? Records { get; init; }

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(60);

    public int Seed { get; init; }

    /// <summary>Logical clients; with at most ten per key the judges stay fast.</summary>
    public int Workers { get; init; } = 10;

    /// <summary>The longest pause of a worker between two operations. 60 ms: some 250 operations a second in all.</summary>
    public TimeSpan PauseMax { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>The name of the build in the header.</summary>
    public string? BuildName { get; init; }

    /// <summary>Keep the data of the nodes even if the run passes.</summary>
    public bool KeepData { get; init; }

    /// <summary>Three or more.</summary>
    public int Nodes { get; init; } = 5;

    /// <summary>The command line sets the number of nodes; otherwise a scenario that needs more has more.</summary>
    public bool NodesAreGiven { get; init; }

    /// <summary>Null: three, or as many as there are nodes, by the seed.</summary>
    public int? Replicas { get; init; }

    /// <summary>The planted bug of the store; null: none.</summary>
    public string? PlantedBug { get; init; }

    /// <summary>These options, for this scenario.</summary>
    public RunOptions For(Scenario scenario) => NodesAreGiven ? this : this with { Nodes = Math.Max(Nodes, scenario.NodesMin) };
}
