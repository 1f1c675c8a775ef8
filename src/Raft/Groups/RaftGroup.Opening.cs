using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Raft.Groups;

// From the files to a replica that takes part.
public sealed partial class RaftGroup
{
    internal static async Task<RaftGroup> OpenAsync(
        RaftHost host, GroupSpec spec, IReplicatedStateMachine machine, CancellationToken cancellationToken)
    {
        var directory = GroupDirectory.Of(host.Options.DataDirectory, new ReplicaKey(spec.Group, spec.Incarnation));
        var (log, fault) = await OpenLogAsync(host, spec, machine, directory).ConfigureAwait(false);
        var group = new RaftGroup(host, spec, log, machine, fault, directory);
        await group.BeginAsync(fault, cancellationToken).ConfigureAwait(false);
        return group;
    }

    /// <summary>The log of the replica, and what its files lack; the fault is null if the replica may vote, count and serve.</summary>
    private static async Task<(GroupLog Log, ReplicaFault? Fault)> OpenLogAsync(RaftHost host, GroupSpec spec, IReplicatedStateMachine machine, string directory)
    {
        var key = new ReplicaKey(spec.Group, spec.Incarnation);
        var members = Path.Combine(directory, MemberStorage.FileName);
        GroupDirectory.SetMisplacedAside(directory);
        var ranBefore = MemberStorage.Exists(members);
        var logKnown = host.Log.Contains(key);

        // The member list may be lost with the log. A learner's incarnation was just assigned; any other replica that the log does not know may have been here.
        var log = host.Log.OpenGroup(key, isKnownToBeNew: !ranBefore && spec.IsLearner, ranBefore);
        if (!ranBefore && logKnown && !spec.IsLearner && (log.LastIndex > 0 || machine.Applied.Index > 0))
        {
            // The first voters below may be any number of changes old. The mark is durable before they are written, so a later start does not take them for the replica's own list.
            log.Distrust();
        }

        if (!ranBefore)
        {
            // The log's own record is checked first: a member list without a log means that the log was lost.
            Directory.CreateDirectory(directory);
            log.SetBallot(log.Ballot.Term, log.Ballot.VotedFor.Span);
            await log.WhenDurableAsync().ConfigureAwait(false);
            MemberStorage.WriteFirst(members, spec.Group, spec.IsLearner ? [] : spec.Voters, host.Files);
        }

        var fault = ReplicaFault.Judge(log, machine, ranBefore, logKnown, MemberStorage.IsDamagedAt(members));
        if (fault is null && machine.Applied.Index >= log.Start.Index && log.TryPositionAt(machine.Applied.Index) != machine.Applied)
        {
            // The process ended after it installed a checkpoint and before it updated the log. The log may reach further, with entries of a deposed leader.
            log.Reset(machine.Applied);
            await log.WhenDurableAsync().ConfigureAwait(false);
        }

        if (fault is { Loss: ReplicaLoss.State } && spec.StateLostBecause is { } why)
        {
            fault = fault with { Message = $"its state was damaged: {why}" };
        }

        return (log, fault);
    }

    /// <summary>The replica takes part, or begins to copy what it lost.</summary>
    private async Task BeginAsync(ReplicaFault? fault, CancellationToken cancellationToken)
    {
        if (fault is null or { Loss: ReplicaLoss.State })
        {
            _audit.ConfigurationStorage = _members;
            await _audit.SaveEarlierConfigurationsAsync().ConfigureAwait(false);
        }

        if (fault is null)
        {
            await StartClusterAsync(cancellationToken).ConfigureAwait(false);
        }
        else if (fault.Loss == ReplicaLoss.State)
        {
            LogMessages.ReplicaStateLost(_logger, Id.Value, fault.Message, _log.Start.Index, _log.LastIndex);
            _health.BeginRebuild();
            await _cluster.StartAsync(cancellationToken).ConfigureAwait(false);
            _rebuilding = Background.Start("restoring the state", RestoreStateAsync);
        }
        else
        {
            LogMessages.ReplicaDamaged(_logger, Id.Value, fault.Message);
            _health.BeginRebuild();
            _rebuilding = Background.GuardAsync("rebuilding", RebuildAsync);
        }
    }

    private async Task StartClusterAsync(CancellationToken cancellationToken)
    {
        await _cluster.StartAsync(cancellationToken).ConfigureAwait(false);
        _applier.Wake();
        _learning = Background.Start("learning", LearnAsync);
        AnnounceCaughtUp();
    }

    /// <summary>A replica whose state was replaced serves once it has applied what its readers had seen. That changes no leadership, so it is announced here.</summary>
    private void AnnounceCaughtUp()
    {
        if (!HasCaughtUp)
        {
            _ = Background.GuardAsync("catching up with its readers", AnnounceWhenCaughtUpAsync);
        }
    }

    private async Task AnnounceWhenCaughtUpAsync()
    {
        try
        {
            await _progress.WaitAsync(Volatile.Read(ref _servesFrom), _stopping.Token).ConfigureAwait(false);
            LeadershipChanged?.Invoke();
        }
        catch (Exception) when (_stopping.IsCancellationRequested || !_health.IsWhole)
        {
            // The replica closes, or it has failed, which it announced.
        }
    }

    /// <summary>A learner copies committed entries until it is a member; from then on Raft feeds it, and the rescue watches it.</summary>
    private async Task LearnAsync()
    {
        try
        {
            await _feed.RunAsync(_stopping.Token).ConfigureAwait(false);
            _rescue.Start();
            LeadershipChanged?.Invoke();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // It closes before it became a member.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A replica that lost only its state takes part from the start. It copies a state that its own log continues, applies its log, and serves once it has reached
    /// the index that its readers may have seen, or the index that the other replicas reported as the group's.
    /// </summary>
    private async Task RestoreStateAsync()
    {
        try
        {
            var committed = await _rescue.RestoreStateAsync(_stopping.Token).ConfigureAwait(false);
            Volatile.Write(ref _servesFrom, Math.Max(_servesFrom, Math.Max(committed, CommitIndex)));
            if (!_health.TryEndRebuild())
            {
                return;
            }

            _applier.Release();
            LogMessages.ReplicaRebuilt(_logger, Id.Value);
            LeadershipChanged?.Invoke();
            AnnounceCaughtUp();
            await LearnAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The replica closes: the log still begins after the state, so the next start tries again.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    private async Task RebuildAsync()
    {
        try
        {
            await _rescue.RebuildAsync(_stopping.Token).ConfigureAwait(false);
            _health.ClearFault();
            await StartClusterAsync(_stopping.Token).ConfigureAwait(false);
            if (_health.TryEnter(ReplicaState.Rebuilding, ReplicaState.Running))
            {
                LogMessages.ReplicaRebuilt(_logger, Id.Value);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The replica closes: the log keeps the damage mark, and the next start tries again.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }
}
