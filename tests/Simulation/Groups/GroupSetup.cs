namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The properties of a group that its seed determines before the first step.</summary>
internal sealed record GroupSetup
{
    /// <summary>The number of replicas that vote at the beginning.</summary>
    public required int Voters { get; init; }

    /// <summary>The number of replicas that may become voters later; 0: the voters never change.</summary>
    public required int Spares { get; init; }

    /// <summary>The size in bytes at which a leader ends one run of entries.</summary>
    public required int RunBytes { get; init; }

    /// <summary>The time within which one round sends a follower several runs.</summary>
    public required TimeSpan RunsLast { get; init; }

    public GroupProfile Profile { get; init; }

    public GroupBug Bug { get; init; }

    /// <summary>Commits are checked when they happen. Without this check a commit on a minority is found only when the entry is lost.</summary>
    public bool ChecksCommits { get; init; } = true;

    public int Replicas => Voters + Spares;

    /// <summary>Most groups have three voters, as most shards do. A third of all groups change their voters. Each profile has a quarter of the seeds or more.</summary>
    public static GroupSetup Of(int seed)
    {
        var profile = (seed % 11) switch { < 3 => GroupProfile.Elections, < 6 => GroupProfile.DeposedLeaders, _ => GroupProfile.Mixed };
        var voters = (seed % 8) switch
        {
            0 or 4 => 5,
            1 => 4,
            2 => 7,
            3 => 6,
            _ => 3,
        };
        return new GroupSetup
        {
            Voters = voters,
            Spares = seed % 3 == 0 ? 2 : 0,
            Profile = profile,
            RunBytes = (seed % 5) switch { 0 => int.MaxValue, 1 => 1, 2 => 150, 3 => 300, _ => 700 },
            RunsLast = TimeSpan.FromMilliseconds((seed % 7) switch { < 3 => 0, < 5 => 60, _ => 300 }),
        };
    }
}
