using System.Diagnostics;
using KvRaft.Benchmarks.Clusters;

namespace KvRaft.Benchmarks.Tests;

public sealed class ServerProcessTests : IDisposable
{
    private readonly string _log = Path.GetTempFileName();

    public void Dispose() => File.Delete(_log);

    [Fact]
    public void Disposing_ends_the_server_and_it_is_the_server_that_is_measured()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals and /proc are Linux's.");
        var server = new ServerProcess(_log, "sleep", "1000");
        using var process = Process.GetProcessById(server.Id);

        server.ThrowIfEnded();
        Assert.True(server.Gauge.MemoryBytes > 0);
        server.Dispose();

        Assert.True(process.HasExited);
    }

    [Fact]
    public async Task A_server_does_not_outlive_the_program_that_started_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals and /proc are Linux's.");
        using var server = new ServerProcess(_log, "sleep", "1000");
        using var process = Process.GetProcessById(server.Id);

        // The same effect on the pipe as the end of this program.
        server.LetGo();

        await process.WaitForExitAsync();
        Assert.Throws<InvalidOperationException>(server.ThrowIfEnded);
    }

    [Fact]
    public async Task The_error_contains_the_output_of_a_server_that_ended()
    {
        using var server = new ServerProcess(_log, "/bin/sh", "-c", "echo no such disk; exit 3");
        await server.EndedAsync();

        var error = Assert.Throws<InvalidOperationException>(server.ThrowIfEnded);

        Assert.Contains("exit code 3", error.Message, StringComparison.Ordinal);
        Assert.Contains("no such disk", error.Message, StringComparison.Ordinal);
    }
}
