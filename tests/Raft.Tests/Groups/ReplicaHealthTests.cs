using KvRaft.Raft.Consensus;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>The state of a replica and its fault.</summary>
public class ReplicaHealthTests
{
    private static readonly ReplicaFault LostState = new(ReplicaLoss.State, "lost its state");
    private static readonly ReplicaFault FullDisk = new(ReplicaLoss.Room, "the disk is full");

    private int _worse;

    [Fact]
    public void Takes_part_without_its_state_but_not_without_its_log()
    {
        var withoutState = new ReplicaHealth(LostState);
        withoutState.BeginRebuild();
        Assert.Equal((true, false, false), (withoutState.TakesPart, withoutState.IsWhole, withoutState.IsRunning));

        var withoutLog = new ReplicaHealth(LostState with { Loss = ReplicaLoss.Log });
        withoutLog.BeginRebuild();
        Assert.Equal((false, false, false), (withoutLog.TakesPart, withoutLog.IsWhole, withoutLog.IsRunning));
    }

    [Fact]
    public void Explains_what_a_rebuild_waits_for_beside_the_first_reason()
    {
        var health = new ReplicaHealth(LostState);
        health.BeginRebuild();
        health.Explain("no source");
        health.Explain("no leader");
        Assert.Equal("lost its state; no leader", health.Fault?.Message);

        Assert.True(health.TryEndRebuild());
        Assert.Null(health.Fault);
        health.Explain("ignored");
        Assert.Null(health.Fault);
    }

    [Fact]
    public void A_failed_replica_does_not_become_active_again()
    {
        var health = new ReplicaHealth(LostState);
        health.BeginRebuild();
        Assert.True(health.TryFail(FullDisk, OnWorse));

        Assert.False(health.TryEndRebuild());
        Assert.False(health.TryEnter(ReplicaState.Rebuilding, ReplicaState.Running));
        Assert.Equal((ReplicaState.Failed, FullDisk), (health.State, health.Failure));
    }

    [Fact]
    public void Of_a_failed_replica_only_a_greater_loss_is_reported()
    {
        var health = new ReplicaHealth(fault: null);
        Assert.True(health.TryFail(FullDisk, OnWorse));
        Assert.False(health.TryFail(FullDisk with { Loss = ReplicaLoss.Stopped }, OnWorse));
        Assert.Equal((FullDisk, 0), (health.Fault, _worse));

        Assert.False(health.TryFail(LostState, OnWorse));
        Assert.Equal((LostState, 1), (health.Fault, _worse));
    }

    [Fact]
    public void A_closed_replica_does_not_fail()
    {
        var health = new ReplicaHealth(fault: null);
        health.Stop();

        Assert.False(health.TryFail(LostState, OnWorse));
        Assert.Null(health.Fault);
    }

    private void OnWorse() => _worse++;
}
