using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Background;
using KvRaft.Raft.Security;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Transport;

/// <summary>The ends of connections between nodes, without the parameters that a test does not need.</summary>
internal static class Wires
{
    /// <summary>A fault in the background ends the test process: no test here causes one.</summary>
    public static BackgroundTasks Background { get; } = new(static (work, cause) => Environment.FailFast($"'{work}' faulted", cause));

    public static NodeAuthentication Authentication(string secret = "a secret of all nodes of this cluster", bool isRequired = true) =>
        new(new ClusterSecret(System.Text.Encoding.UTF8.GetBytes(secret)), isRequired);

    public static NodeListener Listen(
        Guid clusterId, NodeId self, IPEndPoint? at = null, Func<Socket, CancellationToken, Task>? serve = null,
        NodeAuthentication? authentication = null, int connectionsMax = 100, ILogger? logger = null) => new(
            clusterId, self, at ?? new IPEndPoint(IPAddress.Loopback, 0), new Handshake(authentication ?? NodeAuthentication.None, clusterId), connectionsMax,
            (socket, _, stopping) => serve is null ? Task.CompletedTask : serve(socket, stopping), Background, TimeProvider.System, logger ?? NullLogger.Instance);

    public static NodeDialer Dial(Guid clusterId, NodeId self, Func<NodeId, EndPoint?> resolve, NodeAuthentication? authentication = null) =>
        new(new Handshake(authentication ?? NodeAuthentication.None, clusterId), clusterId, self, resolve);

    public static TermGate Terms(long own = 0) => new(1, () => own, TimeProvider.System, NullLogger.Instance);
}
