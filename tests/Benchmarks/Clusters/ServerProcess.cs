using System.Diagnostics;
using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>One server; what it prints goes to a file. Disposing ends exactly this process.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _logFile;

    /// <exception cref="InvalidOperationException">The program cannot be started.</exception>
    public ServerProcess(string logFile, string program, params string[] arguments)
    {
        _logFile = logFile;
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };

        // exec: the process we hold is the server itself, so its id is the one to measure and to end.
        foreach (var word in (string[])["-c", "log=$1; shift; exec \"$@\" >> \"$log\" 2>&1", "sh", logFile, program, .. arguments])
        {
            start.ArgumentList.Add(word);
        }

        _process = Process.Start(start) ?? throw new InvalidOperationException($"{program} was not started.");
        Gauge = new ProcessGauge(_process.Id);
    }

    public ProcessGauge Gauge { get; }

    /// <exception cref="InvalidOperationException">The server ended; the message has what it said.</exception>
    public void ThrowIfEnded()
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"A server ended by itself with exit code {_process.ExitCode}:\n{File.ReadAllText(_logFile)}");
        }
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
