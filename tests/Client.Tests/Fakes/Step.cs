using KvRaft.V1;

namespace KvRaft.Client.Tests.Fakes;

/// <summary>The reaction of a fake node to one call.</summary>
internal abstract record Step
{
    /// <summary>Execute and answer.</summary>
    public sealed record Answer : Step;

    /// <summary>Execute and answer twice, as a node with a bug might.</summary>
    public sealed record AnswerTwice : Step;

    /// <summary>Execute, and lose the answer.</summary>
    public sealed record LoseAnswer : Step;

    /// <summary>Neither execute nor answer.</summary>
    public sealed record Swallow : Step;

    /// <summary>Execute, then end the stream without an answer.</summary>
    public sealed record ExecuteAndBreak : Step;

    /// <summary>End the stream.</summary>
    public sealed record Break : Step;

    /// <summary>Refuse.</summary>
    public sealed record Refuse(PipeAnswer Error) : Step;

    /// <summary>Hold the call until the given task ends, then execute and answer.</summary>
    public sealed record Hold(Task Until) : Step;
}
