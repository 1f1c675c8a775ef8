using System.Globalization;

namespace KvRaft.Benchmarks.Load;

/// <summary>One cell of a table: who does what to what, and for how long.</summary>
/// <param name="Kind">The operation.</param>
/// <param name="Clients">
/// Closed loop: callers, each with one operation under way. Open loop: the operations that may be under way at once.
/// </param>
/// <param name="ValueBytes">Size of a value written; values are random bytes.</param>
/// <param name="Keys">Keys to choose from, evenly.</param>
/// <param name="WarmUp">Time under load before measuring begins.</param>
/// <param name="Duration">Time measured.</param>
internal sealed record Workload(OperationKind Kind, int Clients, int ValueBytes, int Keys, TimeSpan WarmUp, TimeSpan Duration)
{
    /// <summary>Operations that arrive each second, whatever became of those before; 0 = closed loop.</summary>
    public int ArrivalsPerSecond { get; init; }

    /// <summary>Such as <c>put 100 @64</c>, and <c>put 100 @1500/s</c> for an open loop.</summary>
    public string Name => string.Create(
        CultureInfo.InvariantCulture,
        $"{KindText} {ValueBytes} @{(ArrivalsPerSecond == 0 ? Clients : ArrivalsPerSecond)}{(ArrivalsPerSecond == 0 ? "" : "/s")}");

    public string KindText => Kind switch
    {
        OperationKind.Put => "put",
        OperationKind.Get => "get",
        _ => "mix",
    };
}
