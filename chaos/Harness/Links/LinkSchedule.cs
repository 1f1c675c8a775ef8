using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Links;

/// <summary>
/// When packets that enter a bad link leave it, if they do. Packets of one direction keep their order, as on one path: TCP treats a packet that overtook
/// another
/// as a loss, and the intended fault is delay. Pure except for the given random source; for one thread at a time.
/// </summary>
internal sealed class LinkSchedule(Random random)
{
    private readonly PriorityQueue<(Link Link, byte[] Packet), (TimeSpan Due, long Number)> _underWay = new();
    private readonly Dictionary<Link, LinkQuality> _qualities = [];
    private readonly Dictionary<Link, TimeSpan> _last = [];
    private long _number;

    public long Delayed { get; private set; }

    public long Lost { get; private set; }

    /// <summary>When the next packet leaves; null if none is in transit.</summary>
    public TimeSpan? NextDue => _underWay.TryPeek(out _, out var first) ? first.Due : null;

    public void Set(Link link, LinkQuality quality) => _qualities[link] = quality;

    /// <summary>Packets in transit arrive as planned; later ones, if any still use this link, arrive at once.</summary>
    public void Clear(Link link) => _qualities.Remove(link);

    /// <summary>A packet enters at this time; times never go back.</summary>
    public void Enter(TimeSpan now, Link link, byte[] packet)
    {
        var quality = _qualities.GetValueOrDefault(link);
        if (random.NextDouble() < quality.Loss)
        {
            Lost++;
            return;
        }

        var due = now + quality.Delay + (random.NextDouble() * quality.Jitter);
        due = _last.TryGetValue(link, out var last) && last > due ? last : due;
        _last[link] = due;
        _underWay.Enqueue((link, packet), (due, _number++));
        Delayed++;
    }

    /// <summary>The next packet that has left by this time.</summary>
    public bool TryLeave(TimeSpan now, out Link link, out byte[] packet)
    {
        if (NextDue is { } due && due <= now)
        {
            (link, packet) = _underWay.Dequeue();
            return true;
        }

        (link, packet) = (default, []);
        return false;
    }
}
