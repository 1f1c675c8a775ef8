namespace KvRaft.Chaos.Checkers;

/// <summary>What a checker says. Only <see cref="Valid"/> is a pass.</summary>
public enum Judgement
{
    Valid,

    /// <summary>The history shows what the store promised never to do.</summary>
    Violation,

    /// <summary>The budget ran out before a proof was found either way. Never a pass.</summary>
    Undecided,
}
