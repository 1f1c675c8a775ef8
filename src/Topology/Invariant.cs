using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KvRaft.Topology;

/// <summary>An internal invariant is violated. The replica stops, because continuing would spread the damage.</summary>
public sealed class InvariantException(string message) : Exception(message);

/// <summary>Assertions that stay on in Release builds.</summary>
public static class Invariant
{
    /// <exception cref="InvariantException"><paramref name="condition"/> is false.</exception>
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        string message,
        [CallerArgumentExpression(nameof(condition))] string expression = "")
    {
        if (!condition)
        {
            throw new InvariantException($"{message} (violated: {expression})");
        }
    }
}
