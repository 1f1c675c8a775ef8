using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Options;
using KvRaft.Raft.Telemetry;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// A leader that cannot serve transfers its leadership. A replica without its state is elected only if every other voter lacks entries that it has. It replicates those entries and transfers
/// leadership to a replica that can serve. A replica with a full disk does the same if another voter's disk is not full.
/// <para>One attempt at a time; <see cref="Start"/> has one caller at a time.</para>
/// </summary>
internal sealed class LeadershipHandOver(ILedGroup group, RaftCluster cluster, RaftHostOptions options, ILogger logger, CancellationToken stoppingToken)
{
    /// <summary>The present attempt; completed if there is none.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Begins an attempt, unless one runs.</summary>
    public void Start()
    {
        if (Running.IsCompleted)
        {
            Running = group.Background.Start("handing over", RunAsync);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            foreach (var voter in group.Voters().Where(voter => voter.Node != options.NodeId))
            {
                if (await group.TransferLeadershipAsync(voter, stoppingToken).ConfigureAwait(false) && cluster.Leader is not { IsRemote: false })
                {
                    return;
                }
            }

            await Task.Delay(options.Timings.ElectionMax, options.Time, stoppingToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // Closing.
        }
        catch (Exception error)
        {
            // As in a search for a leader: a fault that stays in the task would interrupt the close of the replica.
            LogMessages.HandOverFailed(logger, group.Id.Value, error);
        }
    }
}
