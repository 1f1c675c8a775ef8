using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>Operations as text, for findings, drawings and timelines.</summary>
internal static class OperationText
{
    private const double NanosecondsPerMillisecond = 1_000_000;

    /// <summary>Process, operation and result: <c>p3 get -> "a"</c>.</summary>
    public static string Describe(Operation operation) =>
        string.Create(CultureInfo.InvariantCulture, $"p{operation.Process} {What(operation)}");

    /// <summary>The operation without its process.</summary>
    public static string What(Operation operation) => operation.Function switch
    {
        Functions.Get => $"get -> {Answer(operation)}",
        Functions.Put or Functions.Append => $"{operation.Function} {operation.Argument}{Tail(operation)}",
        Functions.Delete => $"delete{Tail(operation)}",
        Functions.CompareAndSet => $"cas {operation.Invocation.Expected} to {operation.Argument}{Tail(operation)}",
        Functions.Transaction => TransactionReader.Describe(operation) + Tail(operation),
        _ when operation.IsOk && !operation.Result.IsMissing => $"{operation.Function} {operation.Result}",
        _ => $"{operation.Function} {operation.Argument}{Tail(operation)}",
    };

    public static string Milliseconds(long nanoseconds) =>
        (nanoseconds / NanosecondsPerMillisecond).ToString("0.000", CultureInfo.InvariantCulture) + " ms";

    private static string Answer(Operation operation) => operation.IsOk ? operation.Result.ToString() : Ending(operation);

    private static string Tail(Operation operation) => operation.IsOk ? "" : $" ({Ending(operation)})";

    private static string Ending(Operation operation) => operation switch
    {
        { Completion: null } => "still running",
        { Outcome: OperationOutcome.Unknown } => operation.Error is { } error ? $"unknown: {error}" : "unknown",
        _ => operation.Error is { } error ? $"failed: {error}" : "failed",
    };
}
