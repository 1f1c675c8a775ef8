using System.Runtime.InteropServices;

namespace KvRaft.Node.Verbs;

/// <summary>
/// Ctrl-C and SIGTERM stop the process cleanly; the second of either ends it at once, for an operator that does not want to wait.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignal() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask),
    ];

    /// <summary>Cancelled when the process receives a signal to stop.</summary>
    public CancellationToken Asked => _asked.Token;

    private void Ask(PosixSignalContext context)
    {
        if (!_asked.IsCancellationRequested)
        {
            context.Cancel = true;
            _asked.Cancel();
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _asked.Dispose();
    }
}
