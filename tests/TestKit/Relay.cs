using System.Net;
using System.Net.Sockets;

namespace KvRaft.TestKit;

/// <summary>
/// A way from one place to another: listens on a port of its own and carries bytes to wherever the target listens at the time. It can be held,
/// as a network that swallows packets or a process that is stopped: connections stand, new ones are taken, nothing arrives, and what was
/// sent arrives when it is let go. It can be cut, as when the other process is gone: connections break, new ones are refused.
/// </summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Func<EndPoint?> _target;
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _connections = [];
    private readonly Task _accepting;
    private TaskCompletionSource _open = Opened();
    private CancellationTokenSource _cut = new();

    /// <param name="target">Where bytes go; null: nobody is there, as if it were cut.</param>
    public Relay(Func<EndPoint?> target)
    {
        _target = target;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    public void Hold()
    {
        lock (_lock)
        {
            if (_open.Task.IsCompleted)
            {
                _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    public void LetGo()
    {
        lock (_lock)
        {
            _open.TrySetResult();
        }
    }

    /// <summary>Breaks every connection. New ones find the target again, if it is there.</summary>
    public void Cut()
    {
        CancellationTokenSource broken;
        lock (_lock)
        {
            (broken, _cut) = (_cut, new CancellationTokenSource());
        }

        broken.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting;
        Task[] rest;
        lock (_lock)
        {
            rest = [.. _connections];
        }

        await Task.WhenAll(rest);
    }

    private static TaskCompletionSource Opened()
    {
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        opened.SetResult();
        return opened;
    }

    private Task Gate
    {
        get
        {
            lock (_lock)
            {
                return _open.Task;
            }
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket near;
            try
            {
                near = await _listener.AcceptAsync(_ending.Token);
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }

            lock (_lock)
            {
                var connection = CarryAsync(near, _cut.Token);
                _connections.Add(connection);
                _ = connection.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
    }

    private void Forget(Task connection)
    {
        lock (_lock)
        {
            _connections.Remove(connection);
        }
    }

    /// <summary>
    /// Ends when both sides have said all they had to say, with a farewell; or when one breaks or the way is cut, with a reset on both sides, as
    /// after the death of a process. Never throws.
    /// </summary>
    private async Task CarryAsync(Socket near, CancellationToken cut)
    {
        await Task.Yield();
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        var isWhole = false;
        try
        {
            await Gate.WaitAsync(cut);
            if (_target() is { } target)
            {
                await far.ConnectAsync(target, cut);
                using var broken = CancellationTokenSource.CreateLinkedTokenSource(cut);
                isWhole = (await Task.WhenAll(PumpAsync(near, far, broken), PumpAsync(far, near, broken))).All(static whole => whole);
            }
        }
        catch (Exception error) when (IsEnd(error))
        {
            // The other side sees a connection that breaks, which is what happened.
        }
        finally
        {
            if (!isWhole)
            {
                near.LingerState = far.LingerState = new LingerOption(true, 0);
            }

            near.Dispose();
        }
    }

    /// <summary>True: everything was carried, and its end too. False: one side broke, and the other way is ended with it.</summary>
    private async Task<bool> PumpAsync(Socket from, Socket to, CancellationTokenSource broken)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var count = await from.ReceiveAsync(buffer, SocketFlags.None, broken.Token);
                await Gate.WaitAsync(broken.Token);
                if (count == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    return true;
                }

                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None, broken.Token);
                }
            }
        }
        catch (Exception error) when (IsEnd(error))
        {
            await broken.CancelAsync();
            return false;
        }
    }

    private static bool IsEnd(Exception error) => error is OperationCanceledException or SocketException or ObjectDisposedException;
}
