using System.Globalization;

namespace KvRaft.Chaos.Links;

/// <summary>The quality of a link, in one direction.</summary>
/// <param name="Delay">The additional delay of every packet.</param>
/// <param name="Jitter">A further random delay up to this, evenly distributed.</param>
/// <param name="Loss">The share of packets that never arrive, 0 to 1.</param>
internal readonly record struct LinkQuality(TimeSpan Delay, TimeSpan Jitter, double Loss)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Delay.TotalMilliseconds:0}+{Jitter.TotalMilliseconds:0}ms,{Loss * 100:0}%lost");
}
