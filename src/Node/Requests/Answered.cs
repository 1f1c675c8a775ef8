using System.Diagnostics.CodeAnalysis;

namespace KvRaft.Node.Requests;

/// <summary>An answer, or the failure in its place.</summary>
internal readonly record struct Answered<T>(T? Answer, Failure? Failure)
    where T : class
{
    [MemberNotNullWhen(true, nameof(Answer))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool HasAnswer => Failure is null;

    public static implicit operator Answered<T>(T answer) => new(answer, null);

    public static implicit operator Answered<T>(Failure failure) => new(null, failure);
}
