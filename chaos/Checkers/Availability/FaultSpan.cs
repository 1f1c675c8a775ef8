namespace KvRaft.Chaos.Checkers;

/// <summary>A fault from its start to the first heal that names it; <c>null</c> where none did.</summary>
public sealed record FaultSpan(FaultMark Start, FaultMark? Heal)
{
    public static IReadOnlyList<FaultSpan> Of(IReadOnlyList<FaultMark> marks)
    {
        ArgumentNullException.ThrowIfNull(marks);
        return
        [
            .. marks
                .Select((mark, place) => (mark, place))
                .Where(item => !item.mark.IsHeal)
                .Select(item => new FaultSpan(item.mark, marks.Skip(item.place + 1).FirstOrDefault(later => later.Ends(item.mark)))),
        ];
    }
}
