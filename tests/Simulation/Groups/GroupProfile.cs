namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The events that are more frequent in a run. All other events occur in every profile too.</summary>
internal enum GroupProfile
{
    /// <summary>No event is more frequent.</summary>
    Mixed,

    /// <summary>Two candidates compete in one term, their messages overtake each other, and voters restart directly after they granted a vote.</summary>
    Elections,

    /// <summary>A leader is cut off with entries that no other replica has. Another leader is elected and commits entries while the first one still leads. Then the network heals.</summary>
    DeposedLeaders,
}
