using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// On a voter that hears no leader: if that is true of the group, and this replica is the one to succeed (<see cref="Succession"/>), the others make
/// room and this one stands for election, instead of all waiting for a timeout.
/// </summary>
internal sealed class LeaderSearch(
    ILedGroup group, LeadershipTransfer transfer, NodeWatch nodes, PeerSurvey peers, RaftTimings timings, TimeProvider time, ILogger logger)
{
    /// <summary>
    /// An answer or a vote may be missing the first time, so it is done again while nobody leads, for as long as <see cref="RaftTimings.ElectionMax"/>; the
    /// caller begins anew.
    /// </summary>
    /// <param name="gone">A leader that is known to lead no more: its process is gone, or it said so. Null: nobody is heard, which proves nothing.</param>
    /// <param name="cancellationToken">Ends it in between.</param>
    public async Task RunAsync(NodeId? gone, CancellationToken cancellationToken)
    {
        var (term, begun) = (group.Term, time.GetTimestamp());
        while (transfer.IsDirected && IsVacant() && time.GetElapsedTime(begun) < timings.ElectionMax)
        {
            // With nobody to ask, nothing below waits: a group that closes would search until the time is over.
            cancellationToken.ThrowIfCancellationRequested();
            var voters = group.Voters();

            // One that is silent would be waited for.
            var others = voters.Where(voter => voter.Node != gone && voter.Node != peers.Self && !nodes.IsSilent(voter.Node)).ToArray();
            var answers = await peers.AskAllAsync(others, cancellationToken).ConfigureAwait(false);
            if (answers.FirstOrDefault(static answer => answer.Status.IsLeader) is { Status: not null } leading)
            {
                // It has nothing to say at the moment, or has not heard that we are back.
                await peers.TellAsync(leading.Voter.Node, PeerRequestKind.Greet, cancellationToken).ConfigureAwait(false);
                return;
            }

            await DenyAsync(answers, cancellationToken).ConfigureAwait(false);
            if (!IsVacant() || (gone is null && !IsTrueOfTheGroup(voters.Count, answers)))
            {
                return;
            }

            if (Heir(voters, answers) == peers.Self)
            {
                LogMessages.LeaderSucceeded(logger, group.Id.Value, gone is { } node ? $"node {node} led it and is gone" : "no majority hears a leader");
                await Task.WhenAll(answers.Select(answer => peers.TellAsync(answer.Voter.Node, PeerRequestKind.StandAside, cancellationToken))).ConfigureAwait(false);

                // One that is silent is waited for, twice; one that is gone refuses at once.
                if (await transfer.TryStandAsync(gone is null ? transfer.ElectionPatience : timings.RequestTimeout, cancellationToken).ConfigureAwait(false))
                {
                    continue;
                }
            }

            // Another is the heir, or it was told so by one who counted otherwise, or there is none yet.
            await transfer.UntilAsync(() => !IsVacant(), timings.RequestTimeout, cancellationToken).ConfigureAwait(false);
        }

        // The same node in a later term came back and was elected.
        bool IsVacant() => group.Leaders.IsVacant || (group.Leader == gone && group.Term == term);
    }

    /// <summary>Whoever believes that this replica leads, which it does not, is told: he cannot find out by himself.</summary>
    private Task DenyAsync(IEnumerable<(GroupVoter Voter, PeerStatus Status)> answers, CancellationToken cancellationToken) => Task.WhenAll(
        answers.Where(answer => answer.Status.HeardLeader == peers.Self.Value)
            .Select(answer => group.Leaders.TellVacatedAsync(answer.Voter.Node, answer.Status.Term, isGone: false, cancellationToken)));

    private bool IsTrueOfTheGroup(int voters, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> answers)
    {
        var hearing = answers.Count(answer => answer.Status.HeardLeader is { } heard && heard != peers.Self.Value && answer.Status.Term >= group.Term);
        return Succession.IsVacant(voters, 1 + answers.Count - hearing);
    }

    private NodeId? Heir(IReadOnlyList<GroupVoter> voters, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> answers) => Succession.Heir(
        group.Id,
        [.. voters.Select(static voter => voter.Node)],
        [
            (peers.Self, group.Log.Last, group.IsNodeSkewed),
            .. answers.Where(static answer => answer.Status.IsMember)
                .Select(static answer => (answer.Voter.Node, new LogPosition(answer.Status.LastTerm, answer.Status.LastIndex), answer.Status.IsSkewed)),
        ],
        [.. answers.Where(static answer => !answer.Status.IsWhole).Select(static answer => answer.Voter.Node)]);
}
