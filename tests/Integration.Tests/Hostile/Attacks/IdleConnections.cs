using System.Net;
using System.Net.Sockets;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Connections to both ports of every node that send nothing or a few random bytes, and stay open.</summary>
internal sealed class IdleConnections : IAttack
{
    private const int PerPort = 60;

    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        var open = new List<Socket>();
        try
        {
            foreach (var endpoint in victim.Endpoints.Concat(victim.RaftEndpoints).Select(IPEndPoint.Parse))
            {
                for (var i = 0; i < PerPort && !until.IsCancellationRequested; i++)
                {
                    var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                    open.Add(socket);
                    await socket.ConnectAsync(endpoint, until);
                    if (i % 2 == 0)
                    {
                        var noise = new byte[Random.Shared.Next(1, 2_000)];
                        Random.Shared.NextBytes(noise);
                        await socket.SendAsync(noise, until);
                    }
                }
            }

            await Task.Delay(Timeout.Infinite, until);
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            // Refused, cut off, or ended.
        }
        finally
        {
            open.ForEach(static socket => socket.Dispose());
        }
    }
}
