using KvRaft.Client.Failures;

namespace KvRaft.Client.Transport;

/// <summary>The result of one attempt: exactly one of the two is set. A value, because failures are normal here.</summary>
internal readonly record struct AttemptResult<TResponse>(TResponse? Response, Failure? Failure)
    where TResponse : class
{
    public static implicit operator AttemptResult<TResponse>(TResponse response) => new(response, null);

    public static implicit operator AttemptResult<TResponse>(Failure failure) => new(null, failure);
}
