using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace KvRaft.Raft.Transport;

/// <summary>
/// A replica's connection to a peer, in the form that DotNext 6.12 needs. If such a connection breaks, DotNext disposes it synchronously, and
/// waits on a pool thread for a transport that can only be disposed asynchronously, which takes another pool thread. With a connection
/// per group, the death of one node then blocks as many threads as it shared groups with this node: 5.6 s without a free thread were measured with 64
/// groups on two cores. For a transport that is <see cref="IDisposable"/>, DotNext calls that method instead; here it only starts the disposal and does not await it.
/// </summary>
internal sealed class OutgoingConnection(ConnectionContext inner) : ConnectionContext, IDisposable
{
    public override string ConnectionId
    {
        get => inner.ConnectionId;
        set => inner.ConnectionId = value;
    }

    public override IFeatureCollection Features => inner.Features;

    public override IDictionary<object, object?> Items
    {
        get => inner.Items;
        set => inner.Items = value;
    }

    public override System.IO.Pipelines.IDuplexPipe Transport
    {
        get => inner.Transport;
        set => inner.Transport = value;
    }

    public override CancellationToken ConnectionClosed
    {
        get => inner.ConnectionClosed;
        set => inner.ConnectionClosed = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => inner.LocalEndPoint;
        set => inner.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => inner.RemoteEndPoint;
        set => inner.RemoteEndPoint = value;
    }

    public override void Abort() => inner.Abort();

    public override void Abort(ConnectionAbortedException abortReason) => inner.Abort(abortReason);

    /// <summary>Aborts the connection and releases it; the socket is closed a moment later, when its last read ends.</summary>
    public void Dispose()
    {
        inner.Abort();
        _ = inner.DisposeAsync().AsTask();
    }

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }
}
