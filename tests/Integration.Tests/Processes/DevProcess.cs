using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>One run of <c>kvraft dev</c> in a working directory of the test's choice. Disposing ends it.</summary>
internal sealed class DevProcess : IDisposable
{
    private readonly Process _process;

    public DevProcess(string workingDirectory, string data, int basePort, params string[] further)
    {
        var start = new ProcessStartInfo(NodeProcess.Executable)
        {
            UseShellExecute = false,
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["dev", "--data", data, "--shards", "1", "--base-port", basePort.ToString(CultureInfo.InvariantCulture), .. further])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
    }

    public int Id => _process.Id;

    /// <summary>Waits for the line that reports that all shards have a leader.</summary>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith("ready", StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"kvraft dev ended before it was ready: {await _process.StandardError.ReadToEndAsync(cancellationToken)}");
    }

    /// <summary>Waits for its end; returns the exit code and what it wrote to standard error.</summary>
    public async Task<(int ExitCode, string Error)> EndAsync(CancellationToken cancellationToken)
    {
        var error = await _process.StandardError.ReadToEndAsync(cancellationToken);
        await _process.WaitForExitAsync(cancellationToken);
        return (_process.ExitCode, error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
