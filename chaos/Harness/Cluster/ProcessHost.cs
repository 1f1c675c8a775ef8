using System.Diagnostics;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>Nodes are processes of the host, each in its own network namespace or, if namespaces are not available or not wanted, all on loopback.</summary>
internal sealed class ProcessHost(bool inNamespaces) : INodeHost
{
    public async Task<string?> WhyNoNetworkAsync()
    {
        if (!inNamespaces)
        {
            return "nodes are plain processes on loopback";
        }

        // A link's name has at most 15 characters.
        var probe = $"kvp{Environment.ProcessId}";
        try
        {
            await Shell.RunAsync("ip", "netns", "add", probe);
            await Shell.RunAsync("ip", "netns", "del", probe);
            await Shell.RunAsync("ip", "link", "add", probe, "type", "bridge");
            await Shell.RunAsync("ip", "link", "del", probe);
            await Shell.RunAsync("nsenter", "--version");
            return null;
        }
        catch (ShellException failure)
        {
            return failure.Message;
        }
    }

    public async Task<NodeNetwork?> CreateNetworkAsync(string id, int nodes, Ledger ledger)
    {
        if (await WhyNoNetworkAsync() is not null)
        {
            return null;
        }

        var network = new NodeNetwork(id, await NodeNetwork.FreeSubnetAsync(), nodes);
        ledger.Own(new OwnedThing("link", network.Bridge));
        await Shell.RunAsync("ip", "link", "add", network.Bridge, "type", "bridge");
        await Shell.RunAsync("ip", "addr", "add", $"{network.HostAddress}/24", "dev", network.Bridge);
        await Shell.RunAsync("ip", "link", "set", network.Bridge, "up");
        foreach (var node in Enumerable.Range(0, nodes))
        {
            await AddAsync(network, node, ledger);
        }

        return network;
    }

    public Task<StartedNode> StartAsync(NodeBuild build, NodeCommand command, Ledger ledger)
    {
        // exec in every step: the held process is the node itself, so signals reach it and nothing else.
        // It has its own session: a signal for the process group of the harness (Ctrl-C, timeout) must not end nodes too.
        var enter = "setsid " + (command.NetworkNamespace is { } space ? $"nsenter --net=/run/netns/{space} " : "");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"exec {enter}\"$0\" node --config \"$1\" >> \"$2\" 2>&1", build.Executable, command.Config, command.LogFile])
        {
            UseShellExecute = false,
        };
        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        ledger.OwnProcess(process.Id);
        return Task.FromResult(new StartedNode(process, process.Id));
    }

    private static async Task AddAsync(NodeNetwork network, int node, Ledger ledger)
    {
        var (space, outer) = (network.NamespaceOf(node), network.OuterLinkOf(node));
        ledger.Own(new OwnedThing("netns", space));
        await Shell.RunAsync("ip", "netns", "add", space);

        // In the ledger although it ends with its namespace: the kernel removes a namespace later, and the next run may start before that.
        ledger.Own(new OwnedThing("link", outer));
        await Shell.RunAsync("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space);
        await Shell.RunAsync("ip", "link", "set", outer, "master", network.Bridge, "up");
        await Shell.RunAsync("ip", "-n", space, "addr", "add", $"{network.AddressOf(node)}/24", "dev", "eth0");
        await Shell.RunAsync("ip", "-n", space, "link", "set", "eth0", "up");
        await Shell.RunAsync("ip", "-n", space, "link", "set", "lo", "up");
    }
}
