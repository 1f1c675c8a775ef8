using System.Buffers;
using System.Text.Json.Serialization;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Requests between nodes about replicas, in addition to Raft itself. Control messages are JSON, so an older node reads the fields that it
/// supports from a newer one; checkpoint bytes are sent raw.
/// </summary>
internal enum PeerRequestKind : byte
{
    Status = 1,
    LeaderProof = 2,
    Checkpoint = 3,
    Chunk = 4,
    Release = 5,
    Nudge = 6,
    Entries = 7,
    StandAside = 8,
    StandForElection = 9,

    /// <summary>Not JSON; see <see cref="TermFrame"/>.</summary>
    Terms = 10,

    /// <summary>Empty: "are you there?" The answer is a <see cref="PingFrame"/>.</summary>
    Ping = 11,

    /// <summary>Notification: "I led this group and no longer do."</summary>
    Vacated = 12,

    /// <summary>Notification: "I have no leader, and you lead."</summary>
    Greet = 13,

    /// <summary>Notification: "I am in catch-up: keep your entries from here on."</summary>
    Lease = 70,

    /// <summary>Notification: "My log begins after your last entry: fetch a checkpoint."</summary>
    Behind = 71,

    /// <summary>"Compute a digest at this index, or send it."</summary>
    Digest = 72,

    /// <summary>Notification: "The replicas of the group differ."</summary>
    DigestDiffers = 73,

    /// <summary>"Prove the voters of your group."</summary>
    Members = 80,
}

internal enum PeerAnswerKind : byte
{
    Json = 1,
    Bytes = 2,
    Refused = 3,

    /// <summary>The requesting replica has committed an entry that differs from this replica's at an index.</summary>
    HistoryDiffers = 70,
}

internal sealed record PeerGroupRequest(int Group);

/// <summary>The status of a replica, sent by its node.</summary>
/// <param name="HeardLeader">The leader in its view, if that node answers.</param>
/// <param name="IsWhole">It has its log and its state: it can serve, and other replicas can copy it.</param>
/// <param name="HasRoom">Its disk accepts entries.</param>
/// <param name="IsSkewed">Its node's clock is wrong; it is not chosen to lead if another replica can.</param>
internal sealed record PeerStatus(
    int Incarnation, bool IsLeader, long Term, long StartTerm, long StartIndex, long LastIndex, long CommitIndex, long AppliedIndex, bool IsMember, long LastTerm = 0,
    string? HeardLeader = null, bool IsWhole = true, bool IsSkewed = false, bool HasRoom = true);

/// <summary>The leader's proof, after a quorum round: everything up to the commit index is committed in the group.</summary>
internal sealed record LeaderProof(long Term, long CommitIndex);

/// <summary>The leader's proof, after a quorum round and with no membership change in progress: these are the voters.</summary>
internal sealed record MembersProof(long Term, IReadOnlyList<MemberName> Voters);

internal sealed record MemberName(string Node, int Incarnation);

/// <summary>A checkpoint that can be fetched: its position, its members, and its files.</summary>
internal sealed record CheckpointManifest(
    string Id, long Term, long Index, long ConfigurationVersion, byte[] Configuration, IReadOnlyList<CheckpointFile> Files)
{
    /// <summary>An engine of some TiB has some ten thousand files.</summary>
    private const int FilesMax = 100_000;

    /// <summary>Size of all files together: 64 TiB, more than any disk of a replica, and far below an overflow of sums.</summary>
    private const long BytesMax = 1L << 46;

    private const int NameLengthMax = 255;

    /// <summary>
    /// Null: it can be fetched. It comes from another node, or from a file that may be damaged, and its names become paths here. Allowed are only letters, digits, points,
    /// hyphens and underscores, and not "." or "..", so that no file is written elsewhere.
    /// </summary>
    public string? Mistake()
    {
        if (Id is null || Configuration is null || Files is null || Files.Count is 0 or > FilesMax)
        {
            return "it lacks a part, or has too many files";
        }

        if (Index is < 0 or > TermGate.TermMax || Term is < 0 or > TermGate.TermMax || ConfigurationVersion is < 0 or > TermGate.TermMax)
        {
            return $"its position is invalid: entry {Index} of term {Term} with members of entry {ConfigurationVersion}";
        }

        var (names, bytes) = (new HashSet<string>(StringComparer.Ordinal), 0L);
        foreach (var file in Files)
        {
            if (file?.Name is not { Length: > 0 and <= NameLengthMax } name || name is "." or ".."
                || name.AsSpan().IndexOfAnyExcept(NameCharacters) >= 0 || !names.Add(name))
            {
                return $"the file name '{file?.Name}' is not allowed";
            }

            if (file.Length is < 0 or > BytesMax || (bytes += file.Length) > BytesMax)
            {
                return $"'{name}' cannot have {file.Length} bytes";
            }
        }

        return null;
    }

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}

internal sealed record CheckpointFile(string Name, long Length);

internal sealed record ChunkRequest(int Group, string Id, string File, long Offset, int Length);

/// <summary>Committed entries, as many as fit into an answer.</summary>
/// <param name="PreviousTerm">The term of the entry before the first one in the requesting replica: if the histories differ, it receives no entries.</param>
internal sealed record EntriesRequest(int Group, long From, long UpTo, long PreviousTerm);

internal sealed record ReleaseRequest(int Group, string Id);

/// <summary>"My log is committed up to <paramref name="CommitIndex"/>: continue from there."</summary>
internal sealed record NudgeRequest(int Group, string Node, int Incarnation, long CommitIndex);

/// <summary>"<paramref name="Node"/> led in this term and no longer does."</summary>
/// <param name="IsGone">It will not or cannot lead again.</param>
internal sealed record VacatedRequest(int Group, string Node, long Term, bool IsGone);

/// <summary>"I need your entries after <paramref name="Index"/>", or a release of that lease.</summary>
internal sealed record LeaseRequest(int Group, string Node, long Index, bool IsDone);

internal sealed record DigestRequest(int Group, long Index);

/// <param name="Digest">Null: the index is not reached, or the digest not computed yet.</param>
/// <param name="IsPassed">The index was applied before the request.</param>
internal sealed record DigestAnswer(ulong? Digest, bool IsPassed);

/// <param name="IsMinority">More than half of the voters agree, and the receiver differs from them.</param>
/// <param name="IsWithdrawn">A majority agrees again, including the receiver: the report of an earlier comparison without a majority is withdrawn. Then there is no reason.</param>
internal sealed record DigestDiffersRequest(int Group, string? Reason, bool IsMinority, bool IsWithdrawn = false);

internal sealed record NudgeAnswer(bool IsLeader);

[JsonSerializable(typeof(PeerGroupRequest))]
[JsonSerializable(typeof(PeerStatus))]
[JsonSerializable(typeof(LeaderProof))]
[JsonSerializable(typeof(MembersProof))]
[JsonSerializable(typeof(CheckpointManifest))]
[JsonSerializable(typeof(ChunkRequest))]
[JsonSerializable(typeof(EntriesRequest))]
[JsonSerializable(typeof(ReleaseRequest))]
[JsonSerializable(typeof(NudgeRequest))]
[JsonSerializable(typeof(LeaseRequest))]
[JsonSerializable(typeof(DigestRequest))]
[JsonSerializable(typeof(DigestAnswer))]
[JsonSerializable(typeof(DigestDiffersRequest))]
[JsonSerializable(typeof(VacatedRequest))]
[JsonSerializable(typeof(NudgeAnswer))]
internal sealed partial class PeerJson : JsonSerializerContext;
