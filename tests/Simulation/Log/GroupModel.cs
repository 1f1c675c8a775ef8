using System.Collections.Immutable;
using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Simulation.Tests.Log;

/// <summary>The expected content of a group's log. It is immutable, so that all earlier contents can be kept.</summary>
internal sealed record GroupModel(Ballot Ballot, LogPosition Start, ImmutableList<LogEntry> Entries, bool IsDamaged)
{
    public LogPosition Last => Entries.IsEmpty ? Start : new LogPosition(Entries[^1].Term, Entries[^1].Index);

    public static GroupModel Of(GroupLog group) => new(
        group.Ballot, group.Start, [.. group.Read(group.Start.Index + 1, group.LastIndex)], group.Damage is not null);

    public bool Matches(GroupModel other) =>
        Ballot == other.Ballot && Start == other.Start && IsDamaged == other.IsDamaged && Entries.Count == other.Entries.Count
        && Entries.Zip(other.Entries).All(pair => Same(pair.First, pair.Second));

    public static bool Same(LogEntry one, LogEntry other) =>
        one.Index == other.Index && one.Term == other.Term && one.Kind == other.Kind && one.Payload.Span.SequenceEqual(other.Payload.Span);

    public GroupModel Truncated(long index) => this with { Entries = Entries.RemoveAll(entry => entry.Index >= index) };

    public GroupModel StartingAt(LogPosition start) => this with { Start = start, Entries = Entries.RemoveAll(entry => entry.Index <= start.Index) };

    public GroupModel ResetTo(LogPosition start) =>
        start == Start || Entries.Any(entry => entry.Index == start.Index && entry.Term == start.Term)
            ? StartingAt(start)
            : this with { Start = start, Entries = [] };

    public override string ToString() =>
        $"{Ballot}, start {Start}, entries [{string.Join(' ', Entries.Select(entry => $"{entry.Index}@{entry.Term}:{entry.Payload.Length}"))}]{(IsDamaged ? ", damaged" : "")}";
}
