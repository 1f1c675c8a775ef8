using System.Diagnostics;
using System.Globalization;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>One <c>kvraft node</c> process. One thread at a time starts, stops and signals it; any thread may look.</summary>
internal sealed class NodeProcess(INodeHost host, NodeCommand command, Ledger ledger)
{
    /// <summary>Ends when the node ends, with its exit code.</summary>
    private volatile Process? _holder;
    private long _holderTicks;
    private volatile bool _endIsOurs;
    private int? _earlierDeath;

    public bool IsRunning => _holder is { HasExited: false };

    /// <summary>Of the node, in a container too.</summary>
    public int Pid { get; private set; }

    /// <summary>What the next start starts.</summary>
    public required NodeBuild Build { get; set; }

    /// <summary>True if this or an earlier start ended without being asked to.</summary>
    public bool DiedByItself => DeathCode is not null;

    /// <summary>The exit code of the first start that ended without being asked to; null: none did.</summary>
    public int? DeathCode => _earlierDeath ?? (_holder is { HasExited: true } holder && !_endIsOurs ? holder.ExitCode : null);

    /// <summary>Of the last start, which has ended.</summary>
    public int ExitCode => _holder!.ExitCode;

    /// <param name="mayEnd">The node may end by itself: it is expected to be refused.</param>
    public async Task StartAsync(bool mayEnd = false)
    {
        if (IsRunning)
        {
            throw new InvalidOperationException($"{command.Config} runs already.");
        }

        // A fault that starts the node again does not excuse how it ended before.
        _earlierDeath = DeathCode;
        (_holder, Pid) = await host.StartAsync(Build, command, ledger);
        _endIsOurs = mayEnd;
        _holderTicks = ProcessTable.StartTicks(_holder.Id) ?? 0;
    }

    /// <summary>kill -9: nothing the process had in memory survives, but everything it wrote to files does.</summary>
    public async Task KillAsync()
    {
        if (_holder is { HasExited: false } holder)
        {
            _endIsOurs = true;

            // It may have ended between the look and the signal: that is what was wanted.
            await Shell.TryAsync("kill", "-KILL", Pid.ToString(CultureInfo.InvariantCulture));
            await holder.WaitForExitAsync();
        }

        Forget();
    }

    /// <summary>SIGTERM; answers the exit code, or null if it had to be killed after the patience.</summary>
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

    /// <summary>From here on the process may end, or may not again, by something other than a signal of ours.</summary>
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
