using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Groups;

/// <summary>Answers other nodes' requests about the replicas of this node. Thread-safe; one task per connection.</summary>
internal sealed class PeerServer(Func<GroupId, IAnsweringGroup?> find, ClusterClock clock, TimeProvider time, ILogger logger)
{
    /// <summary>Maximum length of a checkpoint id or of a file name in it, in characters.</summary>
    private const int TextLengthMax = 256;

    private readonly LogThrottle _declined = new(LogThrottle.PeriodDefault, time);

    /// <summary>The last batch that the node's log certainly holds; it is part of each answer to a ping.</summary>
    public Func<long> LogBatch { get; init; } = static () => 0;

    /// <param name="socket">The socket; the caller keeps ownership.</param>
    /// <param name="from">The node at the other end; it can act only for itself.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task ServeAsync(Socket socket, NodeId from, CancellationToken cancellationToken)
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

            var (answer, bytes) = await AnswerAsync(from, (PeerRequestKind)kind, body, cancellationToken).ConfigureAwait(false);
            await PeerFrame.WriteAsync(stream, (byte)answer, bytes, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> AnswerAsync(
        NodeId from, PeerRequestKind kind, byte[] body, CancellationToken cancellationToken)
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
                PeerRequestKind.Vacated => Vacated(from, Read(body, PeerJson.Default.VacatedRequest)),
                PeerRequestKind.Greet => Greet(Group(Read(body, PeerJson.Default.PeerGroupRequest).Group)),
                PeerRequestKind.Members => Json(
                    await Group(Read(body, PeerJson.Default.PeerGroupRequest).Group).ProveMembersAsync(cancellationToken).ConfigureAwait(false),
                    PeerJson.Default.MembersProof),
                PeerRequestKind.Lease => Lease(from, Read(body, PeerJson.Default.LeaseRequest)),
                PeerRequestKind.Digest => await DigestAsync(Read(body, PeerJson.Default.DigestRequest), cancellationToken).ConfigureAwait(false),
                PeerRequestKind.DigestDiffers => DigestDiffers(from, Read(body, PeerJson.Default.DigestDiffersRequest)),
                PeerRequestKind.Behind => Behind(Group(Read(body, PeerJson.Default.PeerGroupRequest).Group)),
                PeerRequestKind.Nudge => Nudge(from, Read(body, PeerJson.Default.NudgeRequest)),
                _ => throw new PeerRequestException($"request {(byte)kind} is not supported here"),
            };
        }
        catch (HistoryDiffersException error)
        {
            LogMessages.PeerRequestDeclined(logger, $"{kind}", error.Message, 0);
            return (PeerAnswerKind.HistoryDiffers, Encoding.UTF8.GetBytes(error.Message));
        }
        catch (Exception error) when (error is PeerRequestException or JsonException or IOException or StorageException or ObjectDisposedException)
        {
            if (_declined.TryPass(out var suppressed))
            {
                LogMessages.PeerRequestDeclined(logger, $"{kind}", error.Message, suppressed);
            }

            return (PeerAnswerKind.Refused, Encoding.UTF8.GetBytes(error.Message));
        }
    }

    private ValueTask<byte[]> ChunkAsync(ChunkRequest request, CancellationToken cancellationToken) =>
        Group(request.Group).Checkpoints.ReadAsync(
            Checked(request.Id, "id"), Checked(request.File, "file"), request.Offset, request.Length, cancellationToken);

    private byte[] Entries(EntriesRequest request) => EntriesFrame.Encode(Group(request.Group).ReadCommitted(request.From, request.UpTo, request.PreviousTerm));

    private byte[] Terms(TermQuestion[] questions) =>
        [.. questions.Select(question => find(question.Replica.Group)?.IsStillIn(question) == true ? (byte)1 : (byte)0)];

    private static async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> StandAsideAsync(IAnsweringGroup group)
    {
        await group.Transfer.StandAsideAsync().ConfigureAwait(false);
        return IsLeading(group);
    }

    private static async ValueTask<(PeerAnswerKind Kind, ReadOnlyMemory<byte> Body)> StandForElectionAsync(
        IAnsweringGroup group, CancellationToken cancellationToken)
    {
        await group.Transfer.StandForElectionAsync(cancellationToken).ConfigureAwait(false);
        return IsLeading(group);
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Release(ReleaseRequest request)
    {
        Group(request.Group).Checkpoints.Release(Checked(request.Id, "id"));
        return (PeerAnswerKind.Json, "{}"u8.ToArray());
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Nudge(NodeId from, NudgeRequest request)
    {
        RefuseOthers(from, request.Node);
        return request is { Incarnation: >= 0, CommitIndex: >= 0 }
            ? Json(new NudgeAnswer(Group(request.Group).OnNudged(new GroupVoter(from, request.Incarnation), request.CommitIndex)), PeerJson.Default.NudgeAnswer)
            : throw new PeerRequestException($"no replica of incarnation {request.Incarnation} is committed up to {request.CommitIndex}");
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Vacated(NodeId from, VacatedRequest request)
    {
        RefuseOthers(from, request.Node);
        var group = Group(request.Group);
        group.Leaders.OnVacated(from, request.Term, request.IsGone);
        return IsLeading(group);
    }

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Lease(NodeId from, LeaseRequest request)
    {
        RefuseOthers(from, request.Node);
        var group = Group(request.Group);
        group.OnLeased(from, request.Index, request.IsDone);
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

    private (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) DigestDiffers(NodeId from, DigestDiffersRequest request)
    {
        var group = Group(request.Group);
        if (group.Leader == from)
        {
            // Only the leader compares: a message from another node could otherwise remove every replica of a group.
            group.OnDigestDiffers(request);
        }

        return IsLeading(group);
    }

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Behind(IAnsweringGroup group)
    {
        group.OnBehind();
        return IsLeading(group);
    }

    private static void RefuseOthers(NodeId from, string? named)
    {
        if (named != from.Value)
        {
            throw new PeerRequestException($"node {from} can act only for itself");
        }
    }

    private static string Checked(string? text, string name) => text is { Length: > 0 and <= TextLengthMax }
        ? text
        : throw new PeerRequestException($"{name} must have 1 to {TextLengthMax} characters");

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Greet(IAnsweringGroup group)
    {
        group.OnGreeted();
        return IsLeading(group);
    }

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) IsLeading(IAnsweringGroup group) =>
        Json(new NudgeAnswer(group.IsLeader), PeerJson.Default.NudgeAnswer);

    private IAnsweringGroup Group(int group) =>
        (group < 0 ? null : find(new GroupId(group))) ?? throw new PeerRequestException($"group {group} has no replica here");

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(body, type) ?? throw new PeerRequestException("the request is empty");

    private static (PeerAnswerKind Kind, ReadOnlyMemory<byte> Body) Json<T>(T answer, JsonTypeInfo<T> type) =>
        (PeerAnswerKind.Json, JsonSerializer.SerializeToUtf8Bytes(answer, type));
}
