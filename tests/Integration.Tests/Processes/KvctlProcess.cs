using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>One run of <c>kvctl</c> as a process, to be killed and paused like any other. Disposing ends it.</summary>
internal sealed class KvctlProcess : IDisposable
{
    private static readonly string Executable = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "KvRaft.Cli", new DirectoryInfo(AppContext.BaseDirectory).Name, "kvctl"));

    private readonly Process _process;
    private readonly Task<string> _output;

    public KvctlProcess(string endpoints, params string[] arguments)
    {
        var start = new ProcessStartInfo(Executable) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("--endpoints");
        start.ArgumentList.Add(endpoints);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        _output = ReadAsync();
    }

    public void Kill() => _process.Kill();

    public void Pause() => Signal("STOP");

    public void Resume() => Signal("CONT");

    /// <summary>Waits for its end; returns the exit code and everything it printed.</summary>
    public async Task<(int ExitCode, string Output)> EndAsync()
    {
        await _process.WaitForExitAsync();
        return (_process.ExitCode, await _output);
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

    private async Task<string> ReadAsync()
    {
        var (output, error) = (_process.StandardOutput.ReadToEndAsync(), _process.StandardError.ReadToEndAsync());
        return await output + await error;
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
