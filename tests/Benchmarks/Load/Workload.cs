using System.Globalization;

namespace KvRaft.Benchmarks.Load;

/// <summary>The workload of one cell of a table.</summary>
/// <param name="Kind">The operation.</param>
/// <param name="Clients">Closed loop: callers, each with one operation under way. Open loop: the maximum number of operations under way.</param>
/// <param name="ValueBytes">Size of a written value; values are random bytes.</param>
/// <param name="Keys">Keys, chosen uniformly.</param>
/// <param name="WarmUp">Time under load before the measurement.</param>
/// <param name="Duration">Time of the measurement.</param>
internal sealed record Workload(OperationKind Kind, int Clients, int ValueBytes, int Keys, TimeSpan WarmUp, TimeSpan Duration)
{
    /// <summary>Operations that arrive per second, independent of the earlier ones; 0 = closed loop.</summary>
    public int ArrivalsPerSecond { get; init; }

    /// <summary>For example <c>put 100 @64</c>, and <c>put 100 @1500/s</c> for an open loop.</summary>
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
