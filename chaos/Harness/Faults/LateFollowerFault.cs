using System.Diagnostics;
using System.Globalization;
using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// Of five voters one is paused until it lacks much. Then it continues while two others are paused, so that the leader has no majority without it while it receives what it lacks. When
/// the leader commits, or after a bound, the leader and the one follower that kept up are killed, and the paused ones continue. Five voters survive two failures: everything acknowledged must be
/// there. It is lost if an answer of the late follower to older entries was counted for newer ones.
/// <para>
/// Each step waits for what the nodes report, because the same load writes a tenth as much on a busy machine. A run in which the follower was never late is undecided.
/// </para>
/// </summary>
internal sealed class LateFollowerFault : IFault
{
    /// <summary>What the late follower lacks when it continues. A request of replication carries 1 MiB, so this is dozens of them.</summary>
    private const long LateBytes = 64 << 20;

    /// <summary>
    /// Entries that the leader commits before the kill: more than one round, so that some writers have their answers, and no more, because the late follower catches up meanwhile.
    /// </summary>
    private const int CommittedEntries = 3;

    /// <summary>A leader that hears too few for a moment is replaced, and the next one may count no entry of an earlier term: such an attempt shows nothing.</summary>
    private const int AttemptsMax = 3;

    /// <summary>What all groups apply before the fault: a run in which nothing was answered before it does not count.</summary>
    private const int UsedEntries = 20;

    private static readonly TimeSpan UsedPatience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LatePatience = TimeSpan.FromSeconds(90);

    /// <summary>A correct store commits when the late follower has caught up. It need not: what matters is that nothing was acknowledged before.</summary>
    private static readonly TimeSpan CommitPatience = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan ServePatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private int _late;
    private int[] _paused = [];
    private int[] _killed = [];
    private string _seen = "";

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _late = scene.AnyNode();
        var first = await AppliedAsync(scene);
        for (var clock = Stopwatch.StartNew(); await AppliedAsync(scene) < first + UsedEntries && clock.Elapsed < UsedPatience;)
        {
            await Task.Delay(200);
        }

        return $"{ChaosCluster.NameOf(_late)} late";
    }

    public async Task InjectAsync(FaultScene scene)
    {
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            await SignalAsync(scene, "STOP", _late);
            var lag = await LagAsync(scene);
            var keepsUp = Others(scene, _late, lag.Leader).MaxBy(node => lag.LastIndices.GetValueOrDefault(node));
            _paused = Others(scene, _late, lag.Leader, keepsUp);

            // In this order, for a leader that hears no majority is replaced.
            await SignalAsync(scene, "CONT", _late);
            await HeardAsync(scene, lag);
            await SignalAsync(scene, "STOP", _paused);
            if (await CommittedAsync(scene, lag) is { } committed)
            {
                _killed = [lag.Leader, keepsUp];
                var late = LookAsync(scene, [_late]);
                await Task.WhenAll(_killed.Select(node => scene.Cluster.Process(node).KillAsync()));
                scene.Totals.Kills += _killed.Length;
                await SignalAsync(scene, "CONT", _paused);
                _seen = Seen(lag, committed, Of(await late, _late, lag.Group)?.LastIndex);
                return;
            }

            await SignalAsync(scene, "CONT", _paused);
        }

        throw new FaultException($"the leader was replaced in each of {AttemptsMax} attempts before the late follower had caught up");
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _killed.FirstOrDefault(node => scene.Cluster.Process(node).IsRunning, -1) is >= 0 and var alive
            ? Evidence.Missing($"{ChaosCluster.NameOf(alive)} runs")
            : Evidence.Seen($"{_seen}; no process of {FaultScene.Names(_killed)}"));

    // The three that are left elect a leader first, and what it lacks must be seen.
    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(5_000, 8_000));

    public async Task HealAsync(FaultScene scene)
    {
        await SignalAsync(scene, "CONT", [.. scene.Cluster.Plan.Numbers.Where(node => scene.Cluster.Process(node).IsRunning)]);

        // Not before the three serve without the two: they would be taught what they lack.
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < ServePatience && _killed.Length > 0 && !(await scene.ServeAsync([_late, .. _paused])).Holds;)
        {
            await Task.Delay(200);
        }

        await Task.WhenAll(_killed.Select(node => scene.Cluster.Process(node).StartAsync()));
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. scene.Cluster.Plan.Numbers]);

    /// <summary>Waits until the late follower lacks enough of one group, whichever is written to most, in one term of its leader.</summary>
    private async Task<Lag> LagAsync(FaultScene scene)
    {
        var terms = new Dictionary<int, TermStart>();
        var most = 0L;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < LatePatience; await Task.Delay(LookInterval))
        {
            var statuses = await LookAsync(scene, Others(scene, _late));
            if (LagsOf(terms, statuses).MaxBy(static lag => lag.Bytes) is { } lag)
            {
                most = lag.Bytes;
                if (most >= LateBytes)
                {
                    return lag;
                }
            }
        }

        throw new FaultException(string.Create(CultureInfo.InvariantCulture, $"after {LatePatience.TotalSeconds:0} s the late follower lacked {most >> 20} MiB, of {LateBytes >> 20} MiB"));
    }

    /// <summary>
    /// By how much each group with a leader has grown since its term was first seen. A node reports bytes of the log that all its groups share; an entry is taken to be as long as the
    /// average of them.
    /// </summary>
    private static IEnumerable<Lag> LagsOf(Dictionary<int, TermStart> terms, IReadOnlyDictionary<int, StatusResponse> statuses)
    {
        foreach (var (node, status) in statuses)
        {
            var entries = status.Groups.Sum(static group => group.LastIndex);
            foreach (var group in status.Groups.Where(static group => group is { Shard: >= 0, Role: ReplicaRole.Leader }))
            {
                if (!terms.TryGetValue(group.Group, out var start) || start.Term < group.Term)
                {
                    terms[group.Group] = new TermStart(group.Term, group.LastIndex, entries, status.Log.Bytes);
                }
                else if (start.Term == group.Term && entries > start.Entries)
                {
                    var grown = group.LastIndex - start.Index;
                    yield return new Lag(group.Group, node, group.Term, grown, grown * ((status.Log.Bytes - start.Bytes) / (entries - start.Entries)), IndicesOf(statuses, group.Group));
                }
            }
        }
    }

    /// <summary>Waits until the late follower receives entries again.</summary>
    private async Task HeardAsync(FaultScene scene, Lag lag)
    {
        long? first = null;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < CommitPatience;)
        {
            var last = Of(await LookAsync(scene, [_late]), _late, lag.Group)?.LastIndex;
            first ??= last;
            if (last > first || last > lag.LastIndices[lag.Leader] - lag.Entries)
            {
                return;
            }
        }
    }

    /// <summary>Waits until the leader has committed entries that neither of the paused followers can have, or for a while. Null: it was replaced before.</summary>
    private static async Task<Committed?> CommittedAsync(FaultScene scene, Lag lag)
    {
        var committed = new Committed(long.MaxValue, 0);
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < CommitPatience;)
        {
            if (Of(await LookAsync(scene, [lag.Leader]), lag.Leader, lag.Group) is not { } leader)
            {
                continue;
            }

            // The followers were paused before: they cannot have what is appended after this look.
            committed = new Committed(Math.Min(committed.Without, leader.LastIndex), leader.AppliedIndex);
            if (committed.Entries >= CommittedEntries)
            {
                break;
            }

            if (committed.Entries == 0 && (leader.Role != ReplicaRole.Leader || leader.Term != lag.Term))
            {
                return null;
            }
        }

        return committed;
    }

    /// <summary>The late follower was asked after the leader: what it lacks of the leader's answer, it lacked then as well.</summary>
    private string Seen(Lag lag, Committed committed, long? late)
    {
        var lacked = late is { } last ? Math.Clamp(committed.Applied - last, 0, committed.Entries).ToString(CultureInfo.InvariantCulture) : "an unknown number";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{ChaosCluster.NameOf(_late)} lacked {lag.Entries} entries of group {lag.Group}, {lag.Bytes >> 20} MiB; without {FaultScene.Names(_paused)} {ChaosCluster.NameOf(lag.Leader)} committed {committed.Entries} entries, of which {ChaosCluster.NameOf(_late)} lacked {lacked}");
    }

    private static async Task<long> AppliedAsync(FaultScene scene) =>
        (await scene.Cluster.StatusesAsync()).Values.SelectMany(static status => status.Groups)
            .Where(static group => group.Shard >= 0).GroupBy(static group => group.Group).Sum(static replicas => replicas.Max(static replica => replica.AppliedIndex));

    private static int[] Others(FaultScene scene, params int[] nodes) => [.. scene.Cluster.Plan.Numbers.Except(nodes)];

    private static async Task<IReadOnlyDictionary<int, StatusResponse>> LookAsync(FaultScene scene, IEnumerable<int> nodes)
    {
        var answers = await Task.WhenAll(nodes.Select(async node => (node, Status: await scene.Cluster.Admin(node).StatusAsync())));
        return answers.Where(static answer => answer.Status is not null).ToDictionary(static answer => answer.node, static answer => answer.Status!);
    }

    private static GroupStatus? Of(IReadOnlyDictionary<int, StatusResponse> statuses, int node, int group) =>
        statuses.GetValueOrDefault(node)?.Groups.FirstOrDefault(each => each.Group == group);

    private static Dictionary<int, long> IndicesOf(IReadOnlyDictionary<int, StatusResponse> statuses, int group) =>
        statuses.Keys.ToDictionary(static node => node, node => Of(statuses, node, group)?.LastIndex ?? 0);

    private static Task SignalAsync(FaultScene scene, string signal, params int[] nodes) => Task.WhenAll(nodes.Select(node => scene.Cluster.Process(node).SignalAsync(signal)));

    /// <summary>What the late follower lacks of one group.</summary>
    private sealed record Lag(int Group, int Leader, long Term, long Entries, long Bytes, IReadOnlyDictionary<int, long> LastIndices);

    /// <summary>What the leader had applied, and the last index that a paused follower can have.</summary>
    private readonly record struct Committed(long Without, long Applied)
    {
        public long Entries => Math.Max(0, Applied - Without);
    }

    /// <summary>Where a group's log ended when its term was first seen, and what the leader's node had then: entries of all groups, and bytes of its log.</summary>
    private sealed record TermStart(long Term, long Index, long Entries, long Bytes);
}
