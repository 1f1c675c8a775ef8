namespace KvRaft.Cli.Import;

/// <summary>Prints the progress of a long task on standard error once per second: in place on a terminal, otherwise on a new line.</summary>
internal sealed class ProgressLine : IAsyncDisposable
{
    /// <summary>1 s: a person sees that the task is alive, and a log does not become too long.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly CliConsole _console;
    private readonly Func<string> _text;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public ProgressLine(CliConsole console, Func<string> text)
    {
        _console = console;
        _text = text;
        _loop = TellAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task TellAsync()
    {
        using var timer = new PeriodicTimer(Period, _console.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await (_console.ErrorIsTerminal ? _console.Error.WriteAsync($"\r\u001b[K{_text()}") : _console.Error.WriteLineAsync(_text()));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The task has ended: clear the line and leave the cursor at its start.
            if (_console.ErrorIsTerminal)
            {
                await _console.Error.WriteAsync("\r\u001b[K");
            }
        }
    }
}
