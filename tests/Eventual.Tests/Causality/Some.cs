using System.Text;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Tests.Causality;

internal static class Some
{
    public static ActorId Actor(ulong number) => new(number, 1);

    public static Dot Dot(ulong actor, ulong counter) => new(Actor(actor), counter);

    public static Sibling Value(ulong actor, ulong counter, string text) =>
        new() { Dot = Dot(actor, counter), WrittenAt = HybridStamp.AtStartOf(1), Value = Encoding.UTF8.GetBytes(text) };

    public static string[] Texts(SiblingSet set) => [.. set.Siblings.Select(static sibling => Encoding.UTF8.GetString(sibling.Value.Span))];

    public static VersionVector Vector(params (ulong Actor, ulong Counter)[] entries) =>
        entries.Aggregate(VersionVector.Empty, static (vector, entry) => vector.With(Dot(entry.Actor, entry.Counter)));
}
