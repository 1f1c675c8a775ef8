namespace KvRaft.Chaos.Checkers;

/// <summary>The result of a checker. Only <see cref="Valid"/> is a pass.</summary>
public enum Judgement
{
    Valid,

    /// <summary>The history violates a guarantee of the store.</summary>
    Violation,

    /// <summary>The budget was exhausted before a proof of either result. Never a pass.</summary>
    Undecided,
}
