using System.Diagnostics;
using System.Globalization;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>
/// Nodes are containers of a Docker engine (the one that the command <c>docker</c> finds) on an internal network without a route out. As in a pod, a separate
/// container holds the network of a node: a node that is killed and restarted finds its address, and all cuts remain.
/// </summary>
/// <param name="image">The image of the container that holds a network; it has <c>/bin/sleep</c>, as images of nodes have.</param>
internal sealed class ContainerHost(string image) : INodeHost
{
    /// <summary>A busy machine needs seconds to start a container.</summary>
    private static readonly TimeSpan BeginPatience = TimeSpan.FromSeconds(30);

    public async Task<string?> WhyNoNetworkAsync() =>
        await Shell.TryAsync("docker", "image", "inspect", "--format", "{{.Id}}", image) is { ExitCode: not 0 } failure ? failure.Error.Trim() : null;

    public async Task<NodeNetwork?> CreateNetworkAsync(string id, int nodes, Ledger ledger)
    {
        var network = new NodeNetwork(id, await NodeNetwork.FreeSubnetAsync(), nodes);
        ledger.Own(new OwnedThing("docker-network", network.Bridge));
        await DockerAsync(
            "network", "create", "--internal", "--subnet", network.Subnet, "--gateway", network.HostAddress, "--opt", $"com.docker.network.bridge.name={network.Bridge}", network.Bridge);
        foreach (var node in Enumerable.Range(0, nodes))
        {
            await HoldAsync(network, node, ledger);
        }

        return network;
    }

    public async Task<StartedNode> StartAsync(NodeBuild build, NodeCommand command, Ledger ledger)
    {
        var name = command.NetworkNamespace ?? throw new InvalidOperationException("A container has a network.");
        ledger.Own(new OwnedThing("container", name));

        // Paths are the same inside and outside: configuration and reports name them. No other node's volume is mounted: a container that sees a mount keeps it
        // alive.
        List<string> arguments =
        [
            "run", "--rm", "--name", name, "--network", $"container:{HolderOf(name)}",
            .. command.SharedFolder is { } shared ? new[] { "--volume", $"{shared}:{shared}:ro" } : [], "--volume", $"{command.NodeFolder}:{command.NodeFolder}",
            .. command.Environment.SelectMany(pair => new[] { "--env", $"{pair.Key}={pair.Value}" }),
            build.Image ?? throw new InvalidOperationException($"{build.Executable} has no image."), "node", "--config", command.Config,
        ];
        var start = new ProcessStartInfo("/bin/sh", ["-c", "log=$0; exec setsid docker \"$@\" >> \"$log\" 2>&1", command.LogFile, .. arguments]) { UseShellExecute = false };
        var holder = Process.Start(start)!;
        ledger.OwnProcess(holder.Id);
        return new StartedNode(holder, await PidAsync(name, holder));
    }

    private static string HolderOf(string name) => $"{name}net";

    private async Task HoldAsync(NodeNetwork network, int node, Ledger ledger)
    {
        var space = network.NamespaceOf(node);
        var holder = HolderOf(space);
        ledger.Own(new OwnedThing("container", holder));
        await DockerAsync("run", "--detach", "--rm", "--name", holder, "--network", network.Bridge, "--ip", network.AddressOf(node), "--entrypoint", "/bin/sleep", image, "infinity");
        ledger.Own(new OwnedThing("netns", space));
        await Shell.RunAsync("ip", "netns", "attach", space, (await DockerAsync("inspect", "--format", "{{.State.Pid}}", holder)).Trim());
    }

    private static async Task<int> PidAsync(string name, Process holder)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < BeginPatience && !holder.HasExited; await Task.Delay(20))
        {
            var answer = await Shell.TryAsync("docker", "inspect", "--format", "{{.State.Pid}}", name);
            if (answer.ExitCode == 0 && int.TryParse(answer.Output, NumberStyles.None | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var pid) && pid > 0)
            {
                return pid;
            }
        }

        return holder.HasExited ? 0 : throw new ShellException($"container {name} did not start within {BeginPatience.TotalSeconds:0} s");
    }

    private static Task<string> DockerAsync(params string[] arguments) => Shell.RunAsync("docker", arguments);
}
