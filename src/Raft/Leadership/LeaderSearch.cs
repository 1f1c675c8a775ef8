using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// Runs on a voter that has no leader. If the group has none, and this replica is the successor candidate (<see cref="Succession"/>), the others stand
/// aside and this replica campaigns, instead of all voters waiting for a timeout.
/// </summary>
internal sealed class LeaderSearch(
    ILedGroup group, LeadershipTransfer transfer, NodeWatch nodes, PeerSurvey peers, RaftTimings timings, TimeProvider time, ILogger logger)
{
    /// <summary>
    /// An answer or a vote may be missing the first time. So the search repeats while there is no leader, for at most <see cref="RaftTimings.ElectionMax"/>; then the
    /// caller starts again.
    /// </summary>
    /// <param name="gone">A leader that certainly no longer leads: its process has ended, or it reported its step-down. Null: no leader is reachable, which proves nothing.</param>
    /// <param name="cancellationToken">Ends the search between two attempts.</param>
    public async Task RunAsync(NodeId? gone, CancellationToken cancellationToken)
    {
        var (term, begun) = (group.Term, time.GetTimestamp());
        while (transfer.IsDirected && IsVacant() && time.GetElapsedTime(begun) < timings.ElectionMax)
        {
            // Without other voters nothing below waits: a group that closes would search until the time is over.
            cancellationToken.ThrowIfCancellationRequested();
            var voters = group.Voters();

            // A search that includes a silent node would wait for it.
            var others = voters.Where(voter => voter.Node != gone && voter.Node != peers.Self && !nodes.IsSilent(voter.Node)).ToArray();
            var answers = await peers.AskAllAsync(others, cancellationToken).ConfigureAwait(false);
            if (answers.FirstOrDefault(static answer => answer.Status.IsLeader) is { Status: not null } leading)
            {
                // The node has no leader to report at the moment, or has not received that this node is back.
                await peers.TellAsync(leading.Voter.Node, PeerRequestKind.Greet, cancellationToken).ConfigureAwait(false);
                return;
            }

            await DenyAsync(answers, cancellationToken).ConfigureAwait(false);
            if (!IsVacant() || (gone is null && !IsTrueOfTheGroup(voters.Count, answers)))
            {
                return;
            }

            if (Candidate(voters, answers) == peers.Self)
            {
                LogMessages.LeaderSucceeded(logger, group.Id.Value, gone is { } node ? $"its leader {node} has ended or stepped down" : "a majority of its voters has no leader");
                await Task.WhenAll(answers.Select(answer => peers.TellAsync(answer.Voter.Node, PeerRequestKind.StandAside, cancellationToken))).ConfigureAwait(false);

                // A request to a silent node waits for its timeout, twice; a node whose process has ended refuses at once.
                if (await transfer.TryStandAsync(gone is null ? transfer.ElectionPatience : timings.RequestTimeout, cancellationToken).ConfigureAwait(false))
                {
                    continue;
                }
            }

            // Another replica is the successor candidate, or was chosen by a replica with other data, or there is no candidate yet.
            await transfer.UntilAsync(() => !IsVacant(), timings.RequestTimeout, cancellationToken).ConfigureAwait(false);
        }

        // The same node was elected again in a later term.
        bool IsVacant() => group.Leaders.IsVacant || (group.Leader == gone && group.Term == term);
    }

    /// <summary>Notifies the replicas that assume that this replica leads, although it does not: they cannot detect it by themselves.</summary>
    private Task DenyAsync(IEnumerable<(GroupVoter Voter, PeerStatus Status)> answers, CancellationToken cancellationToken) => Task.WhenAll(
        answers.Where(answer => answer.Status.HeardLeader == peers.Self.Value)
            .Select(answer => group.Leaders.TellVacatedAsync(answer.Voter.Node, answer.Status.Term, isGone: false, cancellationToken)));

    private bool IsTrueOfTheGroup(int voters, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> answers)
    {
        var hearing = answers.Count(answer => answer.Status.HeardLeader is { } heard && heard != peers.Self.Value && answer.Status.Term >= group.Term);
        return Succession.IsVacant(voters, 1 + answers.Count - hearing);
    }

    private NodeId? Candidate(IReadOnlyList<GroupVoter> voters, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> answers) => Succession.Candidate(
        group.Id,
        [.. voters.Select(static voter => voter.Node)],
        [
            (peers.Self, group.Log.Last, group.IsNodeSkewed),
            .. answers.Where(static answer => answer.Status.IsMember)
                .Select(static answer => (answer.Voter.Node, new LogPosition(answer.Status.LastTerm, answer.Status.LastIndex), answer.Status.IsSkewed)),
        ],
        [.. answers.Where(static answer => !answer.Status.IsWhole).Select(static answer => answer.Voter.Node)]);
}
