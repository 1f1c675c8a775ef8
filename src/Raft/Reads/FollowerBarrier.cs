using System.Text.Json;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Reads;

/// <summary>
/// Makes reads of a follower's state machine possible with a defined age. The leader proves its leadership by a quorum round that begins after the request, and
/// returns its commit index. Once that index is applied here, this replica has all writes that any replica acknowledged before the
/// request. DotNext's own follower barrier does not guarantee that (the leader answers it without a quorum). One request at a time, over a
/// connection that is kept; callers share one barrier for their readers.
/// </summary>
internal sealed class FollowerBarrier(IGroup group, NodeDialer dialer) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private (NodeId Node, PeerClient Client)? _connection;
    private bool _disposed;

    /// <summary>False: there is no leader, it did not answer, or it could not prove that it leads.</summary>
    public async Task<bool> TryPassAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        try
        {
            var proof = await AskLeaderAsync(cancellationToken).ConfigureAwait(false);
            if (proof is null)
            {
                return false;
            }

            await group.WaitForApplyAsync(proof.CommitIndex, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException or InvalidDataException or JsonException
            or OperationCanceledException or ObjectDisposedException)
        {
            // The stream may contain half an answer.
            Disconnect();
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Wait();
        _disposed = true;
        Disconnect();
        _turn.Release();
    }

    private async Task<LeaderProof?> AskLeaderAsync(CancellationToken cancellationToken)
    {
        if (_disposed || group.Leader is not { } leader)
        {
            return null;
        }

        if (_connection is { } kept && kept.Node != leader)
        {
            Disconnect();
        }

        _connection ??= (leader, await PeerClient.ConnectAsync(dialer, leader, cancellationToken).ConfigureAwait(false));
        return await _connection.Value.Client.AskAsync(
            PeerRequestKind.LeaderProof, new PeerGroupRequest(group.Id.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.LeaderProof, cancellationToken)
            .ConfigureAwait(false);
    }

    private void Disconnect()
    {
        _connection?.Client.Dispose();
        _connection = null;
    }
}
