using System.Threading.Channels;

namespace KvRaft.Cli.Import;

/// <summary>
/// Appends <see cref="AckLine"/>s to a file from many tasks. A line is passed to the operating system soon after its write was acknowledged, so it
/// survives a kill of kvctl. It is not fsynced, because the log tests the cluster and not this machine.
/// </summary>
internal sealed class AckLog : IAsyncDisposable
{
    private readonly Channel<AckLine> _queue = Channel.CreateUnbounded<AckLine>(new() { SingleReader = true });
    private readonly StreamWriter _writer;
    private readonly Task _loop;

    public AckLog(string file)
    {
        _writer = new StreamWriter(file, append: true) { NewLine = "\n" };
        _loop = WriteAsync();
    }

    public void Add(AckLine line) => _queue.Writer.TryWrite(line);

    /// <summary>Writes the queued lines and closes the file.</summary>
    /// <exception cref="IOException">Lines could not be written.</exception>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        try
        {
            await _loop;
        }
        finally
        {
            await _writer.DisposeAsync();
        }
    }

    private async Task WriteAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (_queue.Reader.TryRead(out var line))
            {
                await _writer.WriteLineAsync(line.ToJson());
            }

            await _writer.FlushAsync();
        }
    }
}
