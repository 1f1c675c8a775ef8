using System.Globalization;
using System.Net;

namespace KvRaft.Chaos.Machine;

/// <summary>A direction of traffic between two nodes, by their numbers from 0.</summary>
internal readonly record struct Link(int From, int To)
{
    public override string ToString() => $"n{From + 1}>n{To + 1}";
}

/// <summary>
/// A separate network for the nodes, which their host created: one namespace each, joined by a bridge to which the harness (and so every client) is
/// connected too. Cuts are
/// therefore between nodes only, and a client can still reach an isolated node.
/// <para>
/// A direction is cut in the neighbour table of the sender: the address of the receiver is pinned to a hardware address that does not exist. Its
/// packets leave and vanish, including those of established connections, without an error to the sender, exactly as on a cut wire. This needs
/// no packet filter on the machine. Both ends remain in their namespace, so a cut survives the end of the process.
/// </para>
/// </summary>
internal sealed class NodeNetwork
{
    // Locally administered; no node sends from it, so the bridge never learns it.
    private const string Nowhere = "02:00:00:00:de:ad";

    /// <summary>The last part of the first node's address; the host's is 1.</summary>
    private const int FirstNumber = 11;

    private readonly string _id;
    private readonly int _subnet;

    /// <param name="id">At most five characters; part of the names of links and namespaces.</param>
    /// <param name="subnet">One that is free, see <see cref="FreeSubnetAsync"/>.</param>
    /// <param name="nodes">How many.</param>
    public NodeNetwork(string id, int subnet, int nodes)
    {
        _id = id;
        _subnet = subnet;
        Nodes = nodes;
    }

    public int Nodes { get; }

    public string Bridge => $"kvb{_id}";

    public string Subnet => Invariant($"198.18.{_subnet}.0/24");

    public string HostAddress => Invariant($"198.18.{_subnet}.1");

    public string AddressOf(int node) => Invariant($"198.18.{_subnet}.{FirstNumber + node}");

    public string NamespaceOf(int node) => Invariant($"kvr{_id}n{node + 1}");

    /// <summary>The node with this address.</summary>
    /// <exception cref="FormatException">No node has it.</exception>
    public int NodeOf(string address) => NodeOf(IPAddress.Parse(address).GetAddressBytes()) ?? throw new FormatException($"{address} is no node's.");

    /// <summary>The node with an address of these four bytes; null: none.</summary>
    public int? NodeOf(ReadOnlySpan<byte> address) =>
        address is [198, 18, var subnet, var number] && subnet == _subnet && number - FirstNumber is >= 0 and var node && node < Nodes ? node : null;

    /// <summary>The host end of the link of a node.</summary>
    public string OuterLinkOf(int node) => Invariant($"kv{_id}n{node + 1}");

    /// <summary>A subnet of 198.18.0.0/15, which is for tests of networks (RFC 2544); a second run beside this one takes the next.</summary>
    public static async Task<int> FreeSubnetAsync()
    {
        var taken = await Shell.RunAsync("ip", "-o", "-4", "addr", "show");
        return Enumerable.Range(100, 100).First(subnet => !taken.Contains(Invariant($" 198.18.{subnet}."), StringComparison.Ordinal));
    }

    /// <summary>Cuts these directions, in addition to those that are already cut.</summary>
    public Task CutAsync(IEnumerable<Link> links) => ForEachSenderAsync(
        links, link => $"neigh replace {AddressOf(link.To)} lladdr {Nowhere} dev eth0 nud permanent");

    public Task MendAsync(IEnumerable<Link> links) => ForEachSenderAsync(links, link => $"neigh del {AddressOf(link.To)} dev eth0");

    public async Task MendAllAsync() => await MendAsync(await CutsAsync());

    /// <summary>The directions that are cut now, as the kernel reports them.</summary>
    public async Task<IReadOnlyList<Link>> CutsAsync()
    {
        var cuts = new List<Link>();
        for (var from = 0; from < Nodes; from++)
        {
            var table = await Shell.RunAsync("ip", "-n", NamespaceOf(from), "neigh", "show");
            foreach (var line in table.Split('\n').Where(line => line.Contains(Nowhere, StringComparison.Ordinal)))
            {
                cuts.Add(new Link(from, NodeOf(line.Split(' ')[0])));
            }
        }

        return cuts;
    }

    /// <summary>Whether a connection from one node to a port of another is established within a second.</summary>
    public async Task<bool> ConnectsAsync(Link link, int port)
    {
        var result = await Shell.TryAsync(
            "nsenter", $"--net=/run/netns/{NamespaceOf(link.From)}", "timeout", "1", "bash", "-c", Invariant($"exec 3<>/dev/tcp/{AddressOf(link.To)}/{port}"));
        return result.ExitCode == 0;
    }

    private async Task ForEachSenderAsync(IEnumerable<Link> links, Func<Link, string> command) =>
        await Task.WhenAll(links.Select(link => Shell.RunAsync("ip", ["-n", NamespaceOf(link.From), .. command(link).Split(' ')])));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
