using System.Globalization;
using System.Text;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Simulation.Tests.Groups;
using KvRaft.Storage;
using KvRaft.Storage.Commands;

namespace KvRaft.Simulation.Tests.Transcripts;

/// <summary>The text of replicas, entries and messages in a transcript. A position is written as index@term.</summary>
internal static class ReplicaText
{
    public static string Name(int number) => Text($"n{number + 1}");

    public static string Names(IEnumerable<int> numbers) => string.Join(' ', numbers.Order().Select(Name));

    /// <summary>The whole state of a replica.</summary>
    public static string State(ReplicaView view) => Text(
        $"{view.Role}, term {view.Term}, {Vote(view)}, log {view.Start}..{Last(view)}, durable {view.DurableIndex}, commit {view.CommitIndex}, applied {view.AppliedIndex}, {Voters(view)}");

    /// <summary>The differences of two states of a replica, in a fixed order; empty: none.</summary>
    public static string Changes(ReplicaView before, ReplicaView after)
    {
        List<string> changes = [];
        Add(before.IsWaiting && !after.IsWaiting, "disk written");
        Add(before.Role != after.Role, after.Role);
        Add(before.Term != after.Term, Text($"term {after.Term}"));
        Add(after.Vote is not null && (before.Term, before.Vote) != (after.Term, after.Vote), Vote(after));
        AddLog(before, after, changes);
        Add(before.DurableIndex != after.DurableIndex, Text($"durable {after.DurableIndex}"));
        Add(before.CommitIndex != after.CommitIndex, Text($"commit {after.CommitIndex}"));
        Add(before.AppliedIndex != after.AppliedIndex, Text($"applied {after.AppliedIndex}"));
        Add(!before.Voters.SequenceEqual(after.Voters), Voters(after));
        Add(before.IsAside != after.IsAside, after.IsAside ? "stands aside" : "no longer stands aside");
        Add(after.IsWaiting && !before.IsWaiting, "waits for its disk");
        return string.Join(", ", changes);

        void Add(bool isChanged, string text)
        {
            if (isChanged)
            {
                changes.Add(text);
            }
        }
    }

    public static string Entry(LogEntry entry) => Text($"{entry.Index}@{entry.Term} {Content(entry)}");

    public static string Message(Message message) => message switch
    {
        VoteRequest request => Text($"vote request, term {request.Term}, last entry {request.Last}"),
        VoteAnswer answer => Text($"vote {(answer.Granted ? "granted" : "refused")}, term {answer.Term}"),
        AppendRequest { Entries.Count: 0 } request => Text($"heartbeat, term {request.Term}, after {request.Previous}, commit {request.CommitIndex}"),
        AppendRequest request => Text($"append, term {request.Term}, after {request.Previous}, commit {request.CommitIndex}: {string.Join("; ", request.Entries.Select(Entry))}"),
        AppendAnswer { Result: HeartbeatResult.Rejected } answer => Text($"rejected, term {answer.Term}, last index {answer.LastIndex}"),
        AppendAnswer answer => Text($"accepted, term {answer.Term}{(answer.Result == HeartbeatResult.ReplicatedWithLeaderTerm ? "" : ", no entry of this term")}"),
        TermRequest request => Text($"confirm term {request.Term}"),
        TermAnswer answer => answer.IsConfirmed ? "confirmed" : "not confirmed, has a higher term",
        StatusRequest => "status request",
        StatusAnswer answer => Text($"status, {(answer.IsVoter ? "voter" : "not a voter")}, last index {answer.LastIndex}, applied {answer.AppliedIndex}"),
        StandAsideRequest => "stand aside",
        CampaignRequest => "campaign now",
        _ => throw new InvalidOperationException($"{message.GetType().Name} has no text."),
    };

    private static void AddLog(ReplicaView before, ReplicaView after, List<string> changes)
    {
        var kept = after.Entries.Where(entry => before.Entries.Any(old => Position(old) == Position(entry))).Select(Position).ToHashSet();
        var isReset = after.Start != before.Start && before.Entries.All(old => Position(old) != after.Start);
        if (after.Start != before.Start)
        {
            changes.Add(Text($"log {(isReset ? "reset to" : "starts after")} {after.Start}"));
        }

        var truncated = before.Entries.Where(old => old.Index > after.Start.Index && !kept.Contains(Position(old))).ToArray();
        if (truncated.Length > 0)
        {
            changes.Add(Text($"truncated {string.Join("; ", truncated.Select(Entry))}"));
        }

        var appended = after.Entries.Where(entry => !kept.Contains(Position(entry))).ToArray();
        if (appended.Length > 0)
        {
            changes.Add(Text($"appended {string.Join("; ", appended.Select(Entry))}"));
        }
    }

    private static LogPosition Position(LogEntry entry) => new(entry.Term, entry.Index);

    private static LogPosition Last(ReplicaView view) => view.Entries.Count > 0 ? Position(view.Entries[^1]) : view.Start;

    private static string Vote(ReplicaView view) => view.Vote is { } vote ? $"vote {Name(vote)}" : "no vote";

    private static string Voters(ReplicaView view) => view.Voters.Count == 0 ? "no voters" : $"voters {Names(view.Voters)}";

    private static string Content(LogEntry entry) => entry.Kind switch
    {
        LogEntryKind.NoOp => "no-op",
        LogEntryKind.Configuration => $"voters {Names(entry.Payload.ToArray().Select(static voter => (int)voter))}",
        _ => string.Join(", ", CommittedEntries.Decode([entry]).Entries[0].Commands.Select(Command)),
    };

    private static string Command(ReadOnlyMemory<byte> command) => CommandCodec.Decode(command).Command is PutCommand put
        ? $"{Encoding.UTF8.GetString(put.Key.Span)}={Encoding.UTF8.GetString(put.Value.Span)}"
        : throw new InvalidOperationException("A script only puts values.");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
