namespace KvRaft.Node.Options;

/// <summary>A request was larger than a limit allows: the field, its size, the limit, and the setting of the limit.</summary>
/// <param name="Field">The request's field, as in the proto.</param>
/// <param name="Setting">The option's path in the configuration, such as <c>limits.keyBytesMax</c>.</param>
/// <param name="Limit">The value in force.</param>
/// <param name="Actual">The value of the request.</param>
internal readonly record struct LimitExceeded(string Field, string Setting, long Limit, long Actual)
{
    public override string ToString() => $"{Field} is {Actual}, the limit is {Limit} ({Setting})";
}
