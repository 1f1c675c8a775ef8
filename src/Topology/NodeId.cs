namespace KvRaft.Topology;

/// <summary>
/// The name of a node, chosen by its operator: a lower-case DNS label (letters, digits, inner hyphens; 1 to 63 characters). It is the host of the
/// <c>kvraft://</c> identities of its replicas; URIs fold upper case silently, so upper case is refused here.
/// </summary>
public readonly record struct NodeId : IComparable<NodeId>
{
    /// <summary>The maximum length of a DNS label (RFC 1035, section 2.3.4), in characters.</summary>
    public const int LengthMax = 63;

    private readonly string? _value;

    /// <exception cref="ArgumentException"><paramref name="value"/> is not a lower-case DNS label.</exception>
    public NodeId(string value)
    {
        if (!IsValid(value))
        {
            throw new ArgumentException(
                $"'{value}' is not a node id: use 1 to {LengthMax} lower-case letters, digits and inner hyphens.", nameof(value));
        }

        _value = value;
    }

    public string Value => _value ?? "";

    public static bool IsValid(string? value) =>
        value is { Length: > 0 and <= LengthMax }
        && value.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-") < 0
        && value[0] != '-' && value[^1] != '-';

    public int CompareTo(NodeId other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => Value;
}
