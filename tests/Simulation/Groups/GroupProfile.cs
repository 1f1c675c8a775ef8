namespace KvRaft.Simulation.Tests.Groups;

/// <summary>What happens to a group more often than anything else; all else happens too.</summary>
internal enum GroupProfile
{
    /// <summary>Nothing in particular.</summary>
    Mixed,

    /// <summary>Two candidates compete in one term, their messages overtake each other, and voters restart right after they granted a vote.</summary>
    Elections,

    /// <summary>A leader is cut off with entries that no other replica has, another one is elected and goes on while the first one still leads, and both meet again.</summary>
    DeposedLeaders,
}
