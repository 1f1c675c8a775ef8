using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvRaft.Raft.Clocks;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Peers;

/// <summary>Answers other nodes' requests about the replicas of this node. Thread-safe; one task per connection.</summary>
internal sealed class PeerServer(Func<GroupId, RaftGroup?> find, ClusterClock clock, ILogger logger)
{
    /// <summary>The last batch that the node's log is known to hold, for those that ask for a sign of life.</summary>
    public Func<long> LogBatch { get; init; } = static () => 0;

    public async Task ServeAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var stream = new NetworkStream(socket, ownsSocket: false);
        while (true)
        {
            byte kind;
            byte[] body;
            try
            {
                (kind, body) = await PeerFrame.ReadAsync(stream, cancellationToken).ConfigureAwait(false);
            }
            catch (EndOfStreamException)
            {
                return;
            }

            var (answer, bytes) = await AnswerAsync((PeerRequestKind)kind, body, cancellationToken).ConfigureAwait(false);
            await PeerFrame.WriteAsync(stream, (byte)answer, bytes, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> AnswerAsync(
        PeerRequestKind kind, byte[] body, CancellationToken cancellationToken)
    {
        try
        {
            return kind switch
            {
                PeerRequestKind.Status => Json(
                    Group(Read(body, PeerJson.Default.PeerGroupRequest).Group).PeerStatus(), PeerJson.Default.PeerStatus),
                PeerRequestKind.LeaderProof => Json(
                    await Group(Read(body, PeerJson.Default.PeerGroupRequest).Group).ProveLeadershipAsync(cancellationToken).ConfigureAwait(false),
                    PeerJson.Default.LeaderProof),
                PeerRequestKind.Checkpoint => Json(
                    await Group(Read(body, PeerJson.Default.PeerGroupRequest).Group).Checkpoints.OfferAsync(cancellationToken).ConfigureAwait(false),
                    PeerJson.Default.CheckpointManifest),
                PeerRequestKind.Chunk => (PeerAnswerKind.Bytes, await ChunkAsync(Read(body, PeerJson.Default.ChunkRequest), cancellationToken).ConfigureAwait(false)),
                PeerRequestKind.Release => Release(Read(body, PeerJson.Default.ReleaseRequest)),
                PeerRequestKind.Entries => (PeerAnswerKind.Bytes, Entries(Read(body, PeerJson.Default.EntriesRequest))),
                PeerRequestKind.StandAside => await StandAsideAsync(Group(Read(body, PeerJson.Default.PeerGroupRequest).Group)).ConfigureAwait(false),
                PeerRequestKind.StandForElection => await StandForElectionAsync(
                    Group(Read(body, PeerJson.Default.PeerGroupRequest).Group), cancellationToken).ConfigureAwait(false),
                PeerRequestKind.Terms => (PeerAnswerKind.Bytes, Terms(TermFrame.Decode(body))),
                PeerRequestKind.Ping => (PeerAnswerKind.Bytes, PingFrame.Encode(LogBatch(), clock.Shown())),
                PeerRequestKind.Vacated => Vacated(Read(body, PeerJson.Default.VacatedRequest)),
                PeerRequestKind.Greet => Greet(Group(Read(body, PeerJson.Default.PeerGroupRequest).Group)),
                PeerRequestKind.Lease => Lease(Read(body, PeerJson.Default.LeaseRequest)),
                PeerRequestKind.Digest => await DigestAsync(Read(body, PeerJson.Default.DigestRequest), cancellationToken).ConfigureAwait(false),
                PeerRequestKind.DigestDiffers => DigestDiffers(Read(body, PeerJson.Default.DigestDiffersRequest)),
                PeerRequestKind.Behind => Behind(Group(Read(body, PeerJson.Default.PeerGroupRequest).Group)),
                PeerRequestKind.Nudge => Nudge(Read(body, PeerJson.Default.NudgeRequest)),
                _ => throw new PeerRequestException($"request {(byte)kind} is not known here"),
            };
        }
        catch (HistoryDiffersException error)
        {
            LogMessages.PeerRequestDeclined(logger, kind, error.Message);
            return (PeerAnswerKind.HistoryDiffers, Encoding.UTF8.GetBytes(error.Message));
        }
        catch (Exception error) when (error is PeerRequestException or JsonException or IOException or StorageException or ObjectDisposedException)
        {
            LogMessages.PeerRequestDeclined(logger, kind, error.Message);
            return (PeerAnswerKind.Refused, Encoding.UTF8.GetBytes(error.Message));
        }
    }

    private ValueTask<byte[]> ChunkAsync(ChunkRequest request, CancellationToken cancellationToken) =>
        Group(request.Group).Checkpoints.ReadAsync(request.Id, request.File, request.Offset, request.Length, cancellationToken);

    private byte[] Entries(EntriesRequest request) => EntriesFrame.Encode(Group(request.Group).ReadCommitted(request.From, request.UpTo, request.PreviousTerm));

    private byte[] Terms(TermQuestion[] questions) =>
        [.. questions.Select(question => find(question.Replica.Group)?.IsStillIn(question) == true ? (byte)1 : (byte)0)];

    private static async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> StandAsideAsync(RaftGroup group)
    {
        await group.Transfer.StandAsideAsync().ConfigureAwait(false);
        return IsLeading(group);
    }

    private static async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> StandForElectionAsync(
        RaftGroup group, CancellationToken cancellationToken)
    {
        await group.Transfer.StandForElectionAsync(cancellationToken).ConfigureAwait(false);
        return IsLeading(group);
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Release(ReleaseRequest request)
    {
        Group(request.Group).Checkpoints.Release(request.Id);
        return (PeerAnswerKind.Json, "{}"u8.ToArray());
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Nudge(NudgeRequest request) =>
        Json(new NudgeAnswer(Group(request.Group).OnNudged(new GroupVoter(new NodeId(request.Node), request.Incarnation), request.CommitIndex)), PeerJson.Default.NudgeAnswer);

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Vacated(VacatedRequest request)
    {
        var group = Group(request.Group);
        group.Leaders.OnVacated(new NodeId(request.Node), request.Term, request.IsGone);
        return IsLeading(group);
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Lease(LeaseRequest request)
    {
        var group = Group(request.Group);
        group.OnLeased(new NodeId(request.Node), request.Index, request.IsDone);
        return IsLeading(group);
    }

    private async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> DigestAsync(DigestRequest request, CancellationToken cancellationToken)
    {
        var group = Group(request.Group);
        var answer = await group.TryWantDigestAsync(request.Index, cancellationToken).ConfigureAwait(false)
            ? await group.DigestAsync(request.Index).ConfigureAwait(false)
            : new DigestAnswer(Digest: null, IsPassed: true);
        return Json(answer, PeerJson.Default.DigestAnswer);
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) DigestDiffers(DigestDiffersRequest request)
    {
        var group = Group(request.Group);
        group.OnDigestDiffers(request);
        return IsLeading(group);
    }

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Behind(RaftGroup group)
    {
        group.OnBehind();
        return IsLeading(group);
    }

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Greet(RaftGroup group)
    {
        group.OnGreeted();
        return IsLeading(group);
    }

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) IsLeading(RaftGroup group) =>
        Json(new NudgeAnswer(group.IsLeader), PeerJson.Default.NudgeAnswer);

    private RaftGroup Group(int group) =>
        find(new GroupId(group)) ?? throw new PeerRequestException($"group {group} has no replica here");

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(body, type) ?? throw new PeerRequestException("the request is empty");

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Json<T>(T answer, JsonTypeInfo<T> type) =>
        (PeerAnswerKind.Json, JsonSerializer.SerializeToUtf8Bytes(answer, type));
}

/// <summary>A peer's request cannot be served; the message goes back to it.</summary>
internal sealed class PeerRequestException(string message) : Exception(message);
