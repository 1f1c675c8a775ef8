namespace KvRaft.Chaos.Faults;

/// <summary>Whether a condition was seen to hold, and the evidence.</summary>
internal readonly record struct Evidence(bool Holds, string Text)
{
    public static Evidence Seen(string text) => new(true, text);

    public static Evidence Missing(string text) => new(false, text);
}

/// <summary>
/// One fault, from its plan to its end. The nemesis calls the members in the order of their declaration, one at a time. If a
/// fault was not seen active, or not seen healed, the run is invalid, because it proves nothing.
/// </summary>
internal interface IFault
{
    /// <summary>Chooses the targets and describes them, for the marks of the history: no leading blanks, short.</summary>
    Task<string> PlanAsync(FaultScene scene);

    Task InjectAsync(FaultScene scene);

    Task<Evidence> CheckActiveAsync(FaultScene scene);

    /// <summary>How long the fault lasts.</summary>
    TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(2000, 6000));

    Task HealAsync(FaultScene scene);

    /// <summary>Called again until it holds, or the patience of the nemesis ends.</summary>
    Task<Evidence> CheckHealedAsync(FaultScene scene);
}
