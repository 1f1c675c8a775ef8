using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Chaos.Cluster;

/// <summary>How to start a node, and where what it prints goes.</summary>
/// <param name="Executable">The node's program.</param>
/// <param name="Config">Its configuration file.</param>
/// <param name="LogFile">All starts of the node append here.</param>
/// <param name="NetworkNamespace">Null: the host's.</param>
internal sealed record NodeCommand(string Executable, string Config, string LogFile, string? NetworkNamespace)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>One <c>kvraft node</c> process. Not for several threads at a time.</summary>
internal sealed class NodeProcess(NodeCommand command, Ledger ledger)
{
    private Process? _process;
    private long _startTicks;
    private bool _endIsOurs;

    public bool IsRunning => _process is { HasExited: false };

    public int Pid => _process?.Id ?? 0;

    /// <summary>True if the last start ended without being asked to.</summary>
    public bool DiedByItself => _process is { HasExited: true } && !_endIsOurs;

    public int ExitCode => _process!.ExitCode;

    public IReadOnlyDictionary<string, string> ExtraEnvironment { get; set; } = new Dictionary<string, string>();

    public void Start()
    {
        if (IsRunning)
        {
            throw new InvalidOperationException($"{command.Config} runs already.");
        }

        // exec all the way: the process we hold is the node itself, so signals reach it and nothing else.
        // In a session of its own: a signal meant for the harness's process group (Ctrl-C, timeout) must not end nodes too.
        var enter = "setsid " + (command.NetworkNamespace is { } space ? $"nsenter --net=/run/netns/{space} " : "");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"exec {enter}\"$0\" node --config \"$1\" >> \"$2\" 2>&1", command.Executable, command.Config, command.LogFile])
        {
            UseShellExecute = false,
        };
        foreach (var (name, value) in command.Environment.Concat(ExtraEnvironment))
        {
            start.Environment[name] = value;
        }

        _endIsOurs = false;
        _process = Process.Start(start)!;
        _startTicks = ProcessTable.StartTicks(_process.Id) ?? 0;
        ledger.OwnProcess(_process.Id);
    }

    /// <summary>kill -9: nothing the process had in memory survives, but everything it wrote to files does.</summary>
    public async Task KillAsync()
    {
        if (_process is { HasExited: false } process)
        {
            _endIsOurs = true;
            process.Kill();
            await process.WaitForExitAsync();
        }

        Forget();
    }

    /// <summary>SIGTERM; answers the exit code, or null if it had to be killed after the patience.</summary>
    public async Task<int?> StopAsync(TimeSpan patience)
    {
        if (_process is not { HasExited: false } process)
        {
            return null;
        }

        _endIsOurs = true;
        await SignalAsync("TERM");
        using var limit = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
            return null;
        }

        Forget();
        return process.ExitCode;
    }

    public async Task WaitForExitAsync(CancellationToken cancel)
    {
        if (_process is { } process)
        {
            await process.WaitForExitAsync(cancel);
        }
    }

    /// <summary>From here on the process may end, or may not again, by something other than a signal of ours.</summary>
    public void MayEnd(bool expected) => _endIsOurs = expected;

    public Task SignalAsync(string name) => Shell.RunAsync("kill", $"-{name}", Pid.ToString(CultureInfo.InvariantCulture));

    private void Forget()
    {
        if (_process is { } process && _startTicks != 0)
        {
            ledger.GoneProcess(process.Id, _startTicks);
            _startTicks = 0;
        }
    }
}
