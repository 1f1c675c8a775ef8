using System.Globalization;

namespace KvRaft.Chaos.Links;

/// <summary>How bad a link is, in one direction.</summary>
/// <param name="Delay">Every packet takes so much longer.</param>
/// <param name="Jitter">And up to so much longer than that, evenly spread.</param>
/// <param name="Loss">The share of packets that never arrive, 0 to 1.</param>
internal readonly record struct LinkQuality(TimeSpan Delay, TimeSpan Jitter, double Loss)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Delay.TotalMilliseconds:0}+{Jitter.TotalMilliseconds:0}ms,{Loss * 100:0}%lost");
}
