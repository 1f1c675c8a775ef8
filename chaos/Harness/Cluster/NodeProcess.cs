using System.Diagnostics;
using System.Globalization;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>One <c>kvraft node</c> process. One thread at a time starts, stops and signals it; any thread may read its state.</summary>
internal sealed class NodeProcess(INodeHost host, NodeCommand command, Ledger ledger)
{
    /// <summary>Ends when the node ends, with its exit code.</summary>
    private volatile Process? _holder;
    private long _holderTicks;
    private volatile bool _endIsOurs;
    private int? _earlierDeath;

    public bool IsRunning => _holder is { HasExited: false };

    /// <summary>The pid of the node, also in a container.</summary>
    public int Pid { get; private set; }

    /// <summary>The build of the next start.</summary>
    public required NodeBuild Build { get; set; }

    /// <summary>True if this or an earlier process ended without a request.</summary>
    public bool DiedByItself => DeathCode is not null;

    /// <summary>The exit code of the first process that ended without a request; null: none did.</summary>
    public int? DeathCode => _earlierDeath ?? (_holder is { HasExited: true } holder && !_endIsOurs ? holder.ExitCode : null);

    /// <summary>The exit code of the last process, which has ended.</summary>
    public int ExitCode => _holder!.ExitCode;

    /// <param name="mayEnd">The node may end by itself: the start is expected to be refused.</param>
    public async Task StartAsync(bool mayEnd = false)
    {
        if (IsRunning)
        {
            throw new InvalidOperationException($"{command.Config} runs already.");
        }

        // A fault that restarts the node does not excuse its earlier end.
        _earlierDeath = DeathCode;
        (_holder, Pid) = await host.StartAsync(Build, command, ledger);
        _endIsOurs = mayEnd;
        _holderTicks = ProcessTable.StartTicks(_holder.Id) ?? 0;
    }

    /// <summary>kill -9: the memory of the process is lost, and everything it wrote to files survives.</summary>
    public async Task KillAsync()
    {
        if (_holder is { HasExited: false } holder)
        {
            _endIsOurs = true;

            // The process may have ended between the check and the signal, which is the goal.
            await Shell.TryAsync("kill", "-KILL", Pid.ToString(CultureInfo.InvariantCulture));
            await holder.WaitForExitAsync();
        }

        Forget();
    }

    /// <summary>SIGTERM; returns the exit code, or null if it had to be killed after the patience.</summary>
    public async Task<int?> StopAsync(TimeSpan patience)
    {
        if (_holder is not { HasExited: false } holder)
        {
            return null;
        }

        _endIsOurs = true;
        await SignalAsync("TERM");
        using var limit = new CancellationTokenSource(patience);
        try
        {
            await holder.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
            return null;
        }

        Forget();
        return holder.ExitCode;
    }

    public async Task WaitForExitAsync(CancellationToken cancel)
    {
        if (_holder is { } holder)
        {
            await holder.WaitForExitAsync(cancel);
        }
    }

    /// <summary>From here on the process may end (or must not end) without a signal of the harness.</summary>
    public void MayEnd(bool expected) => _endIsOurs = expected;

    public Task SignalAsync(string name) => Shell.RunAsync("kill", $"-{name}", Pid.ToString(CultureInfo.InvariantCulture));

    private void Forget()
    {
        if (_holder is { } holder && _holderTicks != 0)
        {
            ledger.GoneProcess(holder.Id, _holderTicks);
            _holderTicks = 0;
        }
    }
}
