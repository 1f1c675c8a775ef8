using System.Diagnostics;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>One <c>kvraft node</c> process; everything it prints goes to a file.</summary>
internal sealed class NodeProcess(string config, string logFile, string endpoint, IReadOnlyDictionary<string, string> environment, int? descriptorsMax = null)
{
    private Process? _process;
    private bool _wasStopped;

    public string Endpoint { get; } = endpoint;

    public static string Executable { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "KvRaft.Node", new DirectoryInfo(AppContext.BaseDirectory).Name, "kvraft"));

    /// <summary>Variables of the process at its next start.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = environment;

    public int Id => _process!.Id;

    public void Start()
    {
        Assert.True(_process is null || _process.HasExited, $"{config} runs already.");
        _wasStopped = false;
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };

        // exec: the child process is the node itself, so signals reach it and nothing else.
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add((descriptorsMax is { } most ? $"ulimit -n {most} && " : "") + "exec \"$0\" node --config \"$1\" >> \"$2\" 2>&1");
        start.ArgumentList.Add(Executable);
        start.ArgumentList.Add(config);
        start.ArgumentList.Add(logFile);
        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start);
    }

    public void Kill()
    {
        _wasStopped = true;
        if (_process is { HasExited: false })
        {
            _process.Kill();
            _process.WaitForExit();
        }
    }

    public async Task<int> StopAsync()
    {
        _wasStopped = true;
        Signal("TERM");
        await _process!.WaitForExitAsync();
        return _process.ExitCode;
    }

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Waits for an unexpected end; returns the exit code and everything printed.</summary>
    public async Task<(int ExitCode, string Log)> WhenEndedAsync()
    {
        _wasStopped = true;
        await _process!.WaitForExitAsync();
        return (_process.ExitCode, await File.ReadAllTextAsync(logFile));
    }

    /// <summary>If a node ended unexpectedly, that is the finding, not the timeout that follows.</summary>
    public void ThrowIfDiedByItself(string name)
    {
        if (_process is { HasExited: true } && !_wasStopped)
        {
            throw new InvalidOperationException($"{name} ended by itself with exit code {_process.ExitCode}:\n{File.ReadAllText(logFile)}");
        }
    }
}
