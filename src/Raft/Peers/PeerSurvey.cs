using System.Net.Sockets;
using System.Text.Json.Serialization.Metadata;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>Queries other nodes about their replicas of one group, each for at most the request timeout. Thread-safe.</summary>
internal sealed class PeerSurvey(GroupId group, NodeDialer dialer, RaftHostOptions options)
{
    public NodeId Self => options.NodeId;

    /// <summary>The exceptions if another node is down, slow or declines; never a fault of this node.</summary>
    public static bool IsPeerTrouble(Exception error) => error is IOException or SocketException or TimeoutException;

    /// <summary>The same, for callers that also limit the time of a request: a cancellation by another token than the caller's means that the other node is slow.</summary>
    public static bool IsPeerTroubleOrTimeout(Exception error, CancellationToken ours) =>
        IsPeerTrouble(error) || (error is OperationCanceledException && !ours.IsCancellationRequested);

    /// <summary>The nodes that answered.</summary>
    public async Task<IReadOnlyList<(GroupVoter Voter, PeerStatus Status)>> AskAllAsync(
        IReadOnlyList<GroupVoter> voters, CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(voters.Select(async voter => (Voter: voter, Status: await AskAsync(voter, cancellationToken).ConfigureAwait(false))))
            .ConfigureAwait(false);
        return [.. answers.Where(static answer => answer.Status is not null).Select(static answer => (answer.Voter, answer.Status!))];
    }

    /// <summary>Null if the node does not answer, or has another replica of the group, or none.</summary>
    public async Task<PeerStatus?> AskAsync(GroupVoter voter, CancellationToken cancellationToken)
    {
        PeerStatus? status = null;
        await TryAsync(
            voter.Node,
            async (peer, token) => status = await peer.AskAsync(
                PeerRequestKind.Status, new PeerGroupRequest(group.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.PeerStatus, token)
                .ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return status?.Incarnation == voter.Incarnation ? status : null;
    }

    /// <summary>Requests an action of a node's replica; returns the replica's state afterwards. Null if the node did not answer.</summary>
    public async Task<NudgeAnswer?> TellAsync(NodeId node, PeerRequestKind kind, CancellationToken cancellationToken)
    {
        NudgeAnswer? answer = null;
        await TryAsync(
            node,
            async (peer, token) => answer = await peer.AskAsync(
                kind, new PeerGroupRequest(group.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.NudgeAnswer, token).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return answer;
    }

    /// <summary>Sends any request to a node; null if it does not answer, or declines.</summary>
    public async Task<TAnswer?> AskAsync<TRequest, TAnswer>(
        NodeId node, PeerRequestKind kind, TRequest request, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken)
        where TAnswer : class
    {
        TAnswer? answer = null;
        await TryAsync(
            node, async (peer, token) => answer = await peer.AskAsync(kind, request, type, answerType, token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        return answer;
    }

    /// <summary>The voters, proven by the node; null if it cannot prove them, or does not answer.</summary>
    public Task<MembersProof?> AskForMembersAsync(NodeId node, CancellationToken cancellationToken) => AskAsync(
        node, PeerRequestKind.Members, new PeerGroupRequest(group.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.MembersProof, cancellationToken);

    /// <summary>Sends a notification to a node, which only acknowledges it. False if it did not.</summary>
    public Task<bool> TryTellAsync<T>(NodeId node, PeerRequestKind kind, T request, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        TryAsync(
            node,
            async (peer, token) => await peer.AskAsync(kind, request, type, PeerJson.Default.NudgeAnswer, token).ConfigureAwait(false),
            cancellationToken);

    private async Task<bool> TryAsync(NodeId node, Func<PeerClient, CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timings.RequestTimeout);
        try
        {
            using var peer = await PeerClient.ConnectAsync(dialer, node, limit.Token).ConfigureAwait(false);
            await ask(peer, limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (IsPeerTroubleOrTimeout(error, cancellationToken))
        {
            // Whether the node answers is part of the result.
            return false;
        }
    }
}
