using System.Diagnostics.Metrics;

namespace KvRaft.Node.Telemetry;

/// <summary>The meter of a node's metrics. Several nodes of one process have meters of one name.</summary>
internal sealed class NodeMeter : IDisposable
{
    public const string Name = "KvRaft.Server";

    public Meter Meter { get; } = new(Name);

    public bool Owns(Meter meter) => ReferenceEquals(meter, Meter);

    public void Dispose() => Meter.Dispose();
}
