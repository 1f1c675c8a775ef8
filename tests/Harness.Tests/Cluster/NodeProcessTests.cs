using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Harness.Tests.Cluster;

/// <summary>Which ends of a process count as violations. The nodes here are scripts.</summary>
public sealed class NodeProcessTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvraft-process-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_unexpected_end_of_a_node_is_recorded_and_a_later_start_does_not_hide_it()
    {
        var process = Process("exit 3");
        await process.StartAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, process.DeathCode);

        process.Build = Build("exec sleep 100");
        await process.StartAsync();
        Assert.True(process.IsRunning);
        Assert.Equal(3, process.DeathCode);
        await process.KillAsync();
    }

    [Fact]
    public async Task An_expected_end_of_a_node_is_not_recorded()
    {
        var process = Process("exit 3");
        await process.StartAsync(mayEnd: true);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, process.ExitCode);
        Assert.False(process.DiedByItself);

        process.Build = Build("exec sleep 100");
        await process.StartAsync();
        Assert.False(process.DiedByItself);
        await process.KillAsync();
        Assert.False(process.DiedByItself);
    }

    private NodeProcess Process(string script) => new(
        new ProcessHost(inNamespaces: false), new NodeCommand(_folder, null, null), new Ledger(Path.Combine(_folder, "ledger")))
    { Build = Build(script) };

    private NodeBuild Build(string script)
    {
        var path = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return new NodeBuild(path, null);
    }
}
