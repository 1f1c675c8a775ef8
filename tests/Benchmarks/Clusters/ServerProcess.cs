using System.Diagnostics;
using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>
/// One server; its output goes to a file. Disposing it ends exactly this process. A watcher process ends the server too if this program ends in any
/// way: servers that keep running would distort every later measurement on the machine.
/// </summary>
internal sealed class ServerProcess : IDisposable
{
    /// <summary>
    /// The watcher reads a pipe that ends with this program, and then ends its own parent if that is still the server: a process id alone may have
    /// been reused. exec: the process that this program holds is the server itself, so its id is the one to measure.
    /// </summary>
    private const string Script = """
        log=$1; shift
        exec 3<&0
        (
          cat <&3 >/dev/null
          while read -r name value; do
            if [ "$name" = PPid: ] && [ "$value" = $$ ]; then kill -KILL $$; fi
          done </proc/self/status
        ) &
        exec "$@" 3<&- </dev/null >>"$log" 2>&1
        """;

    private readonly Process _process;
    private readonly string _logFile;
    private bool _isDisposed;

    /// <exception cref="InvalidOperationException">The program cannot be started.</exception>
    public ServerProcess(string logFile, string program, params string[] arguments)
    {
        _logFile = logFile;
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, RedirectStandardInput = true };
        foreach (var word in (string[])["-c", Script, "sh", logFile, program, .. arguments])
        {
            start.ArgumentList.Add(word);
        }

        _process = Process.Start(start) ?? throw new InvalidOperationException($"{program} was not started.");
        Gauge = new ProcessGauge(_process.Id);
    }

    public int Id => _process.Id;

    public ProcessGauge Gauge { get; }

    /// <exception cref="InvalidOperationException">The server has ended; the message contains its output.</exception>
    public void ThrowIfEnded()
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"A server ended by itself with exit code {_process.ExitCode}:\n{File.ReadAllText(_logFile)}");
        }
    }

    /// <summary>Completes when the server has ended.</summary>
    public Task EndedAsync() => _process.WaitForExitAsync();

    /// <summary>Closes the pipe, like the end of this program: the watcher ends the server.</summary>
    internal void LetGo() => _process.StandardInput.Close();

    /// <summary>May be called repeatedly.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        // After the end of the server, so that the watcher finds no parent and only ends itself.
        LetGo();
        _process.Dispose();
    }
}
