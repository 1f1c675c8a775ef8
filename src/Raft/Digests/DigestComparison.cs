using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Digests;

/// <summary>
/// The leader of a group compares its voters' states, all at one index, in the background: replicas that applied the same entries must be equal, and no other
/// check would detect a difference. The leader agrees with the voters on an index a little ahead. Each takes a snapshot there and computes its digest at its own rate
/// (<see cref="DigestPace"/>), and the leader decides (<see cref="DigestRules"/>): a minority is removed; without a majority, and in group 0, all are notified, and no data is deleted.
/// </summary>
internal sealed class DigestComparison(IComparedGroup group, PeerSurvey survey, RaftHostOptions options, ILogger logger)
{
    /// <summary>How far ahead the index is chosen: first at the last entry, for a group without writers; then further, while writers advance faster than the messages arrive.</summary>
    private static readonly int[] Margins = [0, 64, 1024, 16384];

    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(200);

    /// <summary>If the index is not reached within this time, or the digests take longer, the group is compared another time.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    /// <summary>After this many polls in a row without a new entry (two seconds), an index that lies ahead is abandoned: the writers have stopped before it.</summary>
    private const int IdlePollsMax = 10;

    /// <summary>The applied index at which the replicas were last equal; the next comparison needs a higher one.</summary>
    private long _equalAt;
    private long _lookedAt;

    /// <summary>The group has applied entries since its replicas were last equal.</summary>
    public bool IsWanted => group.Machine.Applied.Index > Volatile.Read(ref _equalAt);

    /// <summary>The same, and a period has passed since the last comparison.</summary>
    public bool IsDue => group.IsLeader && IsWanted
        && (_lookedAt == 0 || options.Time.GetElapsedTime(_lookedAt) >= options.DigestPeriod);

    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task CompareAsync(CancellationToken cancellationToken)
    {
        _lookedAt = options.Time.GetTimestamp();
        var voters = group.Voters();
        if (voters.Count < 2)
        {
            return;
        }

        foreach (var margin in Margins)
        {
            var index = group.Log.LastIndex + margin;
            if (await WantAsync(voters, index, cancellationToken).ConfigureAwait(false) is { Count: > 1 } willing)
            {
                var digests = await CollectAsync(willing, index, cancellationToken).ConfigureAwait(false);
                await ActAsync(voters, digests, index, cancellationToken).ConfigureAwait(false);
                return;
            }
        }
    }

    /// <summary>The voters that will have a digest at an index; null: a replica has passed the index.</summary>
    private async Task<IReadOnlyList<GroupVoter>?> WantAsync(IReadOnlyList<GroupVoter> voters, long index, CancellationToken cancellationToken)
    {
        if (!await group.TryWantDigestAsync(index, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var willing = new List<GroupVoter>();
        foreach (var voter in voters)
        {
            if (voter.Node == options.NodeId)
            {
                willing.Add(voter);
            }
            else if (await AskAsync(voter, index, cancellationToken).ConfigureAwait(false) is { } answer)
            {
                if (answer.IsPassed)
                {
                    return null;
                }

                willing.Add(voter);
            }
        }

        return willing;
    }

    private async Task<Dictionary<NodeId, ulong>> CollectAsync(IReadOnlyList<GroupVoter> voters, long index, CancellationToken cancellationToken)
    {
        var digests = new Dictionary<NodeId, ulong>();
        var begun = options.Time.GetTimestamp();
        var open = voters.ToList();
        var (last, idlePolls) = (group.Log.LastIndex, 0);
        while (open.Count > 0 && options.Time.GetElapsedTime(begun) < Patience && group.IsLeader && idlePolls < IdlePollsMax)
        {
            idlePolls = group.Log.LastIndex == last && last < index ? idlePolls + 1 : 0;
            last = group.Log.LastIndex;
            foreach (var voter in open.ToArray())
            {
                var answer = voter.Node == options.NodeId
                    ? await OwnAsync(index).ConfigureAwait(false)
                    : await AskAsync(voter, index, cancellationToken).ConfigureAwait(false);
                if (answer?.Digest is { } digest)
                {
                    digests[voter.Node] = digest;
                }

                if (answer is null or { IsPassed: true } or { Digest: not null })
                {
                    // The voter has answered, or no longer answers: the next comparison includes it.
                    open.Remove(voter);
                }
            }

            if (open.Count > 0)
            {
                await Task.Delay(PollPeriod, options.Time, cancellationToken).ConfigureAwait(false);
            }
        }

        return digests;
    }

    private async Task ActAsync(IReadOnlyList<GroupVoter> voters, Dictionary<NodeId, ulong> digests, long index, CancellationToken cancellationToken)
    {
        if (digests.Count < 2)
        {
            return;
        }

        var verdict = DigestRules.Judge([.. voters.Select(static voter => voter.Node)], digests);
        if (verdict.AreEqual)
        {
            if (digests.Count == voters.Count)
            {
                Volatile.Write(ref _equalAt, index);
                await WithdrawAsync(voters, cancellationToken).ConfigureAwait(false);
            }

            LogMessages.DigestsEqual(logger, group.Id.Value, index, digests.Count, voters.Count);
            return;
        }

        var found = string.Join(", ", digests.OrderBy(static digest => digest.Key).Select(static digest => FormattableString.Invariant($"{digest.Key} {digest.Value:x16}")));
        LogMessages.DigestsDiffer(logger, group.Id.Value, index, found);
        var reason = FormattableString.Invariant($"replicas differ at index {index} ({found})");
        if (verdict.Majority is null || group.Id.IsPlacement)
        {
            // A node without its replica of group 0 routes nothing, so there an operator decides; the reason names the digest of each node.
            await SendAsync(voters, new DigestDiffersRequest(group.Id.Value, reason, IsMinority: false), cancellationToken).ConfigureAwait(false);
            return;
        }

        var odd = voters.Where(voter => verdict.Minority.Contains(voter.Node)).ToList();
        await SendAsync(odd, new DigestDiffersRequest(group.Id.Value, reason, IsMinority: true), cancellationToken).ConfigureAwait(false);
        await WithdrawAsync([.. voters.Except(odd)], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>All replicas reported an earlier comparison, in which too few answered for a majority.</summary>
    private Task WithdrawAsync(IReadOnlyList<GroupVoter> voters, CancellationToken cancellationToken) =>
        group.IsDigestNoted
            ? SendAsync(voters, new DigestDiffersRequest(group.Id.Value, Reason: null, IsMinority: false, IsWithdrawn: true), cancellationToken)
            : Task.CompletedTask;

    private async Task SendAsync(IReadOnlyList<GroupVoter> voters, DigestDiffersRequest request, CancellationToken cancellationToken)
    {
        foreach (var voter in voters)
        {
            if (voter.Node == options.NodeId)
            {
                group.OnDigestDiffers(request);
            }
            else
            {
                await survey.TryTellAsync(voter.Node, PeerRequestKind.DigestDiffers, request, PeerJson.Default.DigestDiffersRequest, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<DigestAnswer?> OwnAsync(long index)
    {
        try
        {
            return await group.DigestAsync(index).ConfigureAwait(false);
        }
        catch (PeerRequestException)
        {
            return null;
        }
    }

    private Task<DigestAnswer?> AskAsync(GroupVoter voter, long index, CancellationToken cancellationToken) => survey.AskAsync(
        voter.Node, PeerRequestKind.Digest, new DigestRequest(group.Id.Value, index), PeerJson.Default.DigestRequest, PeerJson.Default.DigestAnswer, cancellationToken);
}
