using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KvRaft.Node.Http;

/// <summary>One connection of a client and its calls in progress. Thread-safe.</summary>
internal sealed class ClientConnection(ConnectionContext context, IPAddress address, StreamPace pace, TimeProvider time)
{
    /// <summary>For a connection that is to end and does not.</summary>
    private static readonly TimeSpan EndingPatience = TimeSpan.FromSeconds(1);

    private static readonly object Key = new();

    private readonly PacedInput _input = pace.Over(context.Transport.Input);
    private int _calls;
    private int _refusals;
    private long _usedAt = time.GetTimestamp();
    private int _hasBeenUsed;

    public ConnectionContext Context => context;

    /// <summary>The party that owns it; see <see cref="AddressOf"/>.</summary>
    public IPAddress Address => address;

    /// <summary>No call is in progress on it.</summary>
    public bool IsIdle => Volatile.Read(ref _calls) == 0;

    public bool HasBeenUsed => Volatile.Read(ref _hasBeenUsed) == 1;

    /// <summary>When its last call ended, or when it was opened.</summary>
    public long UsedAt => Volatile.Read(ref _usedAt);

    /// <summary>The connection on which a request arrived; null if this node did not accept it that way.</summary>
    public static ClientConnection? Of(HttpContext request) =>
        request.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(Key, out var found) == true ? (ClientConnection)found! : null;

    /// <summary>The address that counts as one party: an IPv4 address, or the first 64 bits of an IPv6 address, which is the least that a network assigns to a host.</summary>
    public static IPAddress AddressOf(EndPoint? remote)
    {
        if (remote is not IPEndPoint { Address: var address })
        {
            return IPAddress.None;
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    public void Remember()
    {
        context.Items[Key] = this;
        context.Features.Set<IMemoryPoolFeature>(ConnectionMemory.Instance);
        context.Transport = new Paced(_input, context.Transport.Output);
    }

    /// <returns>The calls in progress, with this one.</returns>
    public int BeginCall()
    {
        Volatile.Write(ref _hasBeenUsed, 1);
        _input.OnBegun();
        return Interlocked.Increment(ref _calls);
    }

    public void EndCall()
    {
        Volatile.Write(ref _usedAt, time.GetTimestamp());
        Interlocked.Decrement(ref _calls);
    }

    /// <summary>A call was refused.</summary>
    /// <returns>Refusals since the last admitted call.</returns>
    public int CountRefusal() => Interlocked.Increment(ref _refusals);

    /// <summary>A call was admitted.</summary>
    public void ResetRefusals()
    {
        if (Volatile.Read(ref _refusals) != 0)
        {
            Volatile.Write(ref _refusals, 0);
        }
    }

    /// <summary>It has ended, for whatever reason.</summary>
    public void OnClosed() => _input.End();

    /// <summary>Ends it at once, with all its calls.</summary>
    public void Abort() => context.Abort(new ConnectionAbortedException("The node closes a connection whose calls are all refused and that opens more of them."));

    /// <summary>
    /// Ends it gracefully: HTTP/2 sends the number of the last call that was accepted, so a call that crosses with this was certainly not executed, and the client
    /// sends it on another connection.
    /// </summary>
    /// <param name="isCut">At once, without that: no call was ever made on it, or there is no time.</param>
    public async Task EndAsync(bool isCut)
    {
        if (!isCut)
        {
            context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            await Task.Delay(EndingPatience, time, context.ConnectionClosed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        context.Abort(new ConnectionAbortedException("The node closes an idle connection for a new one."));
    }

    /// <summary>What Kestrel reads and writes.</summary>
    private sealed record Paced(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
