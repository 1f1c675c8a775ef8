namespace KvRaft.Storage.Engine;

/// <summary>
/// Prevents the disposal of an engine while readers use it. Each user holds a lease. The engine is disposed when its owner has
/// retired it and the last lease is released, so that a reader never uses a closed engine (in native code that would be a crash of
/// the process, not an exception).
/// </summary>
internal sealed class EngineHandle(IStorageEngine engine)
{
    private readonly object _gate = new();
    private bool _drained;
    private Action? _afterDisposal;

    /// <summary>The number of leases, plus one for the owner until it retires the engine. 0 = disposed or being disposed; never increases from 0.</summary>
    private int _leases = 1;

    /// <summary>Only for holders of a lease and for the owner before <see cref="Retire"/>.</summary>
    public IStorageEngine Engine => engine;

    /// <summary>False if the engine was retired and drained; the caller then reads the handle of its successor.</summary>
    public bool TryAcquire()
    {
        var leases = Volatile.Read(ref _leases);
        while (leases > 0)
        {
            var seen = Interlocked.CompareExchange(ref _leases, leases + 1, leases);
            if (seen == leases)
            {
                return true;
            }

            leases = seen;
        }

        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _leases) > 0)
        {
            return;
        }

        try
        {
            engine.Dispose();
            _afterDisposal?.Invoke();
        }
        finally
        {
            lock (_gate)
            {
                _drained = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>
    /// Releases the owner's lease, once. Current readers finish; the last of them, or this call, disposes the engine and then runs
    /// <paramref name="afterDisposal"/>.
    /// </summary>
    public void Retire(Action? afterDisposal = null)
    {
        _afterDisposal = afterDisposal;
        Release();
    }

    /// <summary>Retires the engine and returns when it is closed, so that its directory can be opened again. Reads are short, so the wait is short.</summary>
    public void RetireAndWait()
    {
        Retire();
        lock (_gate)
        {
            while (!_drained)
            {
                Monitor.Wait(_gate);
            }
        }
    }
}
