using System.Text.Json;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Reads;

/// <summary>
/// Lets a follower's state machine be read with a known age: the leader proves itself by a quorum round that begins after it was asked, and
/// names its commit index; once that is applied here, this replica knows everything that was acknowledged anywhere before the
/// question. DotNext's own follower barrier is not that (the leader answers it without a quorum). One question at a time, over a
/// connection that is kept; the caller gathers its readers.
/// </summary>
internal sealed class FollowerBarrier(IGroup group, NodeDialer dialer) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private (NodeId Node, PeerClient Client)? _connection;
    private bool _disposed;

    /// <summary>False: no leader is known, it did not answer, or it could not prove that it leads.</summary>
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
            // The stream may hold half an answer.
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
