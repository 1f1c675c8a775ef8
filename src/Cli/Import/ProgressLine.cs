namespace KvRaft.Cli.Import;

/// <summary>
/// Says on standard error, once a second, how far a long task is: in place on a terminal, as a line of its own otherwise.
/// </summary>
internal sealed class ProgressLine : IAsyncDisposable
{
    /// <summary>1 s: often enough to see that it lives, seldom enough for a log.</summary>
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
            // The task ended; leave the terminal at the start of a clean line.
            if (_console.ErrorIsTerminal)
            {
                await _console.Error.WriteAsync("\r\u001b[K");
            }
        }
    }
}
