namespace KvRaft.Simulation.Tests.Groups;

/// <summary>What a seed decides about a group before anything happens.</summary>
internal sealed record GroupSetup
{
    /// <summary>The replicas that vote in the beginning.</summary>
    public required int Voters { get; init; }

    /// <summary>Replicas that may become voters later; 0: the voters never change.</summary>
    public required int Spares { get; init; }

    /// <summary>A run of entries is closed at so many bytes.</summary>
    public required int RunBytes { get; init; }

    /// <summary>For so long one round sends a follower run after run.</summary>
    public required TimeSpan RunsLast { get; init; }

    public GroupProfile Profile { get; init; }

    public GroupBug Bug { get; init; }

    /// <summary>Commits are proven when they happen. Without it a commit on a minority is found when it is lost.</summary>
    public bool ProvesCommits { get; init; } = true;

    public int Replicas => Voters + Spares;

    /// <summary>Most groups have three voters, as most shards do; a third of all groups change them. Each profile is played by a quarter of the seeds or more.</summary>
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
