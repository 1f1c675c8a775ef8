namespace KvRaft.Chaos.Checkers;

/// <summary>A fault from its start to the first heal of it; <c>null</c> if there is none.</summary>
public sealed record FaultSpan(FaultMark Start, FaultMark? Heal)
{
    /// <summary>The mark at which it was complete; its start in histories without such marks.</summary>
    public FaultMark Complete { get; private init; } = Start;

    public static IReadOnlyList<FaultSpan> Of(IReadOnlyList<FaultMark> marks)
    {
        ArgumentNullException.ThrowIfNull(marks);
        return
        [
            .. marks
                .Select((mark, place) => (mark, place))
                .Where(item => item.mark.IsStart)
                .Select(item => (item.mark, later: marks.Skip(item.place + 1)))
                .Select(item => new FaultSpan(item.mark, item.later.FirstOrDefault(later => later.Ends(item.mark)))
                {
                    Complete = item.later.TakeWhile(later => !later.Ends(item.mark))
                        .FirstOrDefault(later => later.IsComplete && later.Fault == item.mark.Fault && later.Detail == item.mark.Detail) ?? item.mark,
                }),
        ];
    }
}
