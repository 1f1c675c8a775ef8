using System.Diagnostics;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Links;

/// <summary>
/// Makes links between nodes slow and lossy, each direction separately, while nodes run. The packets of a bad direction are routed to a device whose
/// other end is
/// this process. It delays or drops them and passes the rest to the receiver. Many kernels lack netem, the kernel's own means for this. The
/// other links are unaffected. Safe for several threads.
/// </summary>
internal sealed class BadLinks : IAsyncDisposable
{
    private const string Device = "wire0";

    private readonly NodeNetwork _network;
    private readonly TunDevice[] _devices;
    private readonly List<Thread> _threads = [];
    private readonly LinkSchedule _schedule;

    /// <summary>Guards the schedule; pulsed when its next packet may have become an earlier one, and at the end.</summary>
    private readonly object _turn = new();

    private bool _ended;

    private BadLinks(NodeNetwork network, TunDevice[] devices, Random random)
    {
        _network = network;
        _devices = devices;
        _schedule = new LinkSchedule(random);
        for (var node = 0; node < devices.Length; node++)
        {
            var from = node;
            _threads.Add(new Thread(() => Take(from)) { IsBackground = true, Name = $"wire of n{from + 1}" });
        }

        _threads.Add(new Thread(Deliver) { IsBackground = true, Name = "wires" });
        _threads.ForEach(thread => thread.Start());
    }

    public static async Task<BadLinks> CreateAsync(NodeNetwork network, int seed)
    {
        var devices = new List<TunDevice>();
        foreach (var space in Enumerable.Range(0, network.Nodes).Select(network.NamespaceOf))
        {
            devices.Add(await TunDevice.CreateAsync(space, Device));

            // The receiver expects the address of the sender on another device (rp_filter); the larger of the two settings applies.
            await Shell.RunAsync("nsenter", $"--net=/run/netns/{space}", "sh", "-c", $"echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/{Device}/rp_filter");
            await Shell.RunAsync("ip", "-n", space, "link", "set", Device, "up");
        }

        return new BadLinks(network, [.. devices], new Random(seed));
    }

    /// <summary>Packets that were delayed so far, and that were dropped.</summary>
    public (long Delayed, long Lost) Counts
    {
        get
        {
            lock (_turn)
            {
                return (_schedule.Delayed, _schedule.Lost);
            }
        }
    }

    public async Task SetAsync(IEnumerable<Link> links, LinkQuality quality)
    {
        foreach (var link in links)
        {
            lock (_turn)
            {
                _schedule.Set(link, quality);
            }

            await Shell.RunAsync(
                "ip", "-n", _network.NamespaceOf(link.From), "route", "replace", $"{_network.AddressOf(link.To)}/32", "dev", Device, "src", _network.AddressOf(link.From));
        }
    }

    /// <summary>Packets in transit still arrive late.</summary>
    public async Task MendAsync(IEnumerable<Link> links)
    {
        foreach (var link in links)
        {
            await Shell.RunAsync("ip", "-n", _network.NamespaceOf(link.From), "route", "del", $"{_network.AddressOf(link.To)}/32", "dev", Device);
            lock (_turn)
            {
                _schedule.Clear(link);
            }
        }
    }

    /// <summary>The directions that are bad now, as the kernel reports them.</summary>
    public async Task<IReadOnlyList<Link>> BadAsync()
    {
        var bad = new List<Link>();
        for (var from = 0; from < _network.Nodes; from++)
        {
            var routes = await Shell.RunAsync("ip", "-n", _network.NamespaceOf(from), "route", "show", "dev", Device);
            bad.AddRange(routes.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => new Link(from, _network.NodeOf(line.Split(' ')[0]))));
        }

        return bad;
    }

    public async ValueTask DisposeAsync()
    {
        lock (_turn)
        {
            _ended = true;
            Monitor.PulseAll(_turn);
        }

        // The removal of a device ends the read that waits on it.
        foreach (var space in Enumerable.Range(0, _network.Nodes).Select(_network.NamespaceOf))
        {
            await Shell.RunAsync("ip", "-n", space, "link", "del", Device);
        }

        _threads.ForEach(thread => thread.Join());
        foreach (var device in _devices)
        {
            device.Dispose();
        }
    }

    private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    private void Take(int from)
    {
        while (_devices[from].Read() is { } packet)
        {
            // The receiver's address in an IPv4 header; any other packet (IPv6 searches for neighbours on a new device) has no receiver.
            if (packet.Length < 20 || packet[0] >> 4 != 4 || _network.NodeOf(packet.AsSpan(16, 4)) is not { } to)
            {
                continue;
            }

            lock (_turn)
            {
                _schedule.Enter(Now, new Link(from, to), packet);
                Monitor.PulseAll(_turn);
            }
        }
    }

    private void Deliver()
    {
        while (true)
        {
            Link link;
            byte[] packet;
            lock (_turn)
            {
                while (!_schedule.TryLeave(Now, out link, out packet))
                {
                    if (_ended)
                    {
                        return;
                    }

                    // A thread can wait for a millisecond at least.
                    Monitor.Wait(_turn, _schedule.NextDue is { } due ? TimeSpan.FromMilliseconds(Math.Max(1, (due - Now).TotalMilliseconds)) : Timeout.InfiniteTimeSpan);
                }
            }

            _devices[link.To].Write(packet);
        }
    }
}
