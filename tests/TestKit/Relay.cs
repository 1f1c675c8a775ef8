using System.Net;
using System.Net.Sockets;

namespace KvRaft.TestKit;

/// <summary>
/// A TCP relay: listens on a port of its own and forwards bytes to the current address of the target. It can be held, like a network that drops
/// packets or a suspended process: connections stay open, new ones are accepted, and nothing is forwarded until it is released; then the held bytes
/// arrive. It can be cut, like the end of the target process: connections break, and new ones are refused.
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

    /// <param name="target">The address of the target; null: there is none, as if the relay were cut.</param>
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

    /// <summary>Breaks every connection. New connections are forwarded if the target is there.</summary>
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
    /// Ends when both sides have closed the connection, with a normal close; or, if one side breaks or the relay is cut, with a reset on both sides,
    /// as after the death of a process. Never throws.
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
            // The other side sees a broken connection, which is the intended effect.
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

    /// <summary>True: all bytes and the end of the stream were forwarded. False: one side broke, and the other is closed too.</summary>
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
