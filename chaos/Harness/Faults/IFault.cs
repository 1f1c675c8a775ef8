namespace KvRaft.Chaos.Faults;

/// <summary>Whether something was seen to hold, and what was seen.</summary>
internal readonly record struct Evidence(bool Holds, string Text)
{
    public static Evidence Seen(string text) => new(true, text);

    public static Evidence Missing(string text) => new(false, text);
}

/// <summary>
/// One fault, from its plan to its end. The nemesis calls the members in the order in which they stand here, one at a time. A
/// fault that was not seen to be active, or not seen to be over, makes the run invalid: it proved nothing.
/// </summary>
internal interface IFault
{
    /// <summary>Chooses what to hit and says it, for the marks of the history: no blanks in front, short.</summary>
    Task<string> PlanAsync(FaultScene scene);

    Task InjectAsync(FaultScene scene);

    Task<Evidence> CheckActiveAsync(FaultScene scene);

    /// <summary>How long to let it be.</summary>
    TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(2000, 6000));

    Task HealAsync(FaultScene scene);

    /// <summary>Asked again until it holds, or the nemesis loses patience.</summary>
    Task<Evidence> CheckHealedAsync(FaultScene scene);
}
