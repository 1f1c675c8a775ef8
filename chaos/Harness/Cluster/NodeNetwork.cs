using System.Globalization;

namespace KvRaft.Chaos.Cluster;

/// <summary>A direction of traffic between two nodes, by their numbers from 0.</summary>
internal readonly record struct Link(int From, int To)
{
    public override string ToString() => $"n{From + 1}>n{To + 1}";
}

/// <summary>
/// A network of the nodes' own: one namespace each, joined by a bridge on which the harness (and so every client) lives too. Cuts are
/// therefore between nodes only, and a client can still ask a node that is alone.
/// <para>
/// A direction is cut in the sender's neighbour table: the receiver's address is pinned to a hardware address that nobody has. Its
/// packets leave and vanish, those of established connections too, without any error to the sender, exactly as on a cut wire, and it needs
/// no packet filter on the machine. Both ends remain in their namespace, so a cut survives the death of the process.
/// </para>
/// </summary>
internal sealed class NodeNetwork
{
    // Locally administered, and the bridge learns it from nobody, since nobody ever sends from it.
    private const string Nowhere = "02:00:00:00:de:ad";

    private readonly string _id;
    private readonly int _subnet;
    private readonly Ledger _ledger;

    private NodeNetwork(string id, int subnet, int nodes, Ledger ledger)
    {
        _id = id;
        _subnet = subnet;
        _ledger = ledger;
        Nodes = nodes;
    }

    public int Nodes { get; }

    private string Bridge => $"kvb{_id}";

    /// <summary>Why such a network cannot be made here; null if it can.</summary>
    public static async Task<string?> WhyImpossibleAsync()
    {
        var probe = $"kvprobe{Environment.ProcessId}";
        try
        {
            await Shell.RunAsync("ip", "netns", "add", probe);
            await Shell.RunAsync("ip", "netns", "del", probe);
            await Shell.RunAsync("ip", "link", "add", probe[..Math.Min(15, probe.Length)], "type", "bridge");
            await Shell.RunAsync("ip", "link", "del", probe[..Math.Min(15, probe.Length)]);
            await Shell.RunAsync("nsenter", "--version");
            return null;
        }
        catch (ShellException failure)
        {
            return failure.Message;
        }
    }

    /// <param name="id">At most five characters; part of the names of links and namespaces.</param>
    public static async Task<NodeNetwork> CreateAsync(string id, int nodes, Ledger ledger)
    {
        var network = new NodeNetwork(id, await FreeSubnetAsync(), nodes, ledger);
        ledger.Own(new OwnedThing("link", network.Bridge));
        await Shell.RunAsync("ip", "link", "add", network.Bridge, "type", "bridge");
        await Shell.RunAsync("ip", "addr", "add", $"{network.HostAddress}/24", "dev", network.Bridge);
        await Shell.RunAsync("ip", "link", "set", network.Bridge, "up");
        for (var node = 0; node < nodes; node++)
        {
            await network.AddAsync(node);
        }

        return network;
    }

    public string HostAddress => Invariant($"198.18.{_subnet}.1");

    public string AddressOf(int node) => Invariant($"198.18.{_subnet}.{11 + node}");

    public string NamespaceOf(int node) => Invariant($"kvr{_id}n{node + 1}");

    /// <summary>Cuts these directions, in addition to those that are cut.</summary>
    public Task CutAsync(IEnumerable<Link> links) => ForEachSenderAsync(
        links, link => $"neigh replace {AddressOf(link.To)} lladdr {Nowhere} dev eth0 nud permanent");

    public Task MendAsync(IEnumerable<Link> links) => ForEachSenderAsync(links, link => $"neigh del {AddressOf(link.To)} dev eth0");

    public async Task MendAllAsync() => await MendAsync(await CutsAsync());

    /// <summary>The directions that are cut now, as the kernel says.</summary>
    public async Task<IReadOnlyList<Link>> CutsAsync()
    {
        var cuts = new List<Link>();
        for (var from = 0; from < Nodes; from++)
        {
            var table = await Shell.RunAsync("ip", "-n", NamespaceOf(from), "neigh", "show");
            foreach (var line in table.Split('\n').Where(line => line.Contains(Nowhere, StringComparison.Ordinal)))
            {
                cuts.Add(new Link(from, int.Parse(line.Split(' ')[0].Split('.')[3], CultureInfo.InvariantCulture) - 11));
            }
        }

        return cuts;
    }

    /// <summary>Whether a connection from one node to a port of another comes up within a second.</summary>
    public async Task<bool> ConnectsAsync(Link link, int port)
    {
        var result = await Shell.TryAsync(
            "nsenter", $"--net=/run/netns/{NamespaceOf(link.From)}", "timeout", "1", "bash", "-c", Invariant($"exec 3<>/dev/tcp/{AddressOf(link.To)}/{port}"));
        return result.ExitCode == 0;
    }

    private async Task AddAsync(int node)
    {
        var (space, outer) = (NamespaceOf(node), Invariant($"kv{_id}n{node + 1}"));
        _ledger.Own(new OwnedThing("netns", space));
        await Shell.RunAsync("ip", "netns", "add", space);

        // Owned although it would go with its namespace: the kernel takes a namespace down later, and a next run may come before that.
        _ledger.Own(new OwnedThing("link", outer));
        await Shell.RunAsync("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space);
        await Shell.RunAsync("ip", "link", "set", outer, "master", Bridge, "up");
        await Shell.RunAsync("ip", "-n", space, "addr", "add", $"{AddressOf(node)}/24", "dev", "eth0");
        await Shell.RunAsync("ip", "-n", space, "link", "set", "eth0", "up");
        await Shell.RunAsync("ip", "-n", space, "link", "set", "lo", "up");
    }

    private async Task ForEachSenderAsync(IEnumerable<Link> links, Func<Link, string> command) =>
        await Task.WhenAll(links.Select(link => Shell.RunAsync("ip", ["-n", NamespaceOf(link.From), .. command(link).Split(' ')])));

    // 198.18.0.0/15 is for tests of networks (RFC 2544); a second run beside this one takes the next subnet.
    private static async Task<int> FreeSubnetAsync()
    {
        var taken = await Shell.RunAsync("ip", "-o", "-4", "addr", "show");
        return Enumerable.Range(100, 100).First(subnet => !taken.Contains(Invariant($" 198.18.{subnet}."), StringComparison.Ordinal));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
