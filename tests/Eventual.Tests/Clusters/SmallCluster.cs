using System.Diagnostics.CodeAnalysis;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Tests.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>
/// Replicas in this process, on disks of their own, whose messages are method calls over a <see cref="Network"/>. Nothing runs by itself: tests say when
/// hints are handed over and trees compared.
/// </summary>
internal sealed class SmallCluster : IAsyncDisposable
{
    public static readonly KeyspaceId Keyspace = new(7);

    private readonly QuorumSpec _spec;
    private readonly PlantedBug _bug;

    private SmallCluster(int nodes, QuorumSpec spec, Network network, TimeProvider time, PlantedBug bug)
    {
        (_spec, Net, Time, _bug) = (spec, network, time, bug);
        Nodes = [.. Enumerable.Range(1, nodes).Select(static i => new NodeId($"n{i}"))];
        ChangeRing(Nodes);
    }

    public Network Net { get; }

    public TimeProvider Time { get; }

    public IReadOnlyList<NodeId> Nodes { get; }

    /// <summary>Of the ring in force. A member goes by the one it heard of last.</summary>
    public ArcLists Lists { get; private set; }

    public Dictionary<NodeId, Member> Members { get; } = [];

    public Member this[int number] => Members[Nodes[number - 1]];

    public static SmallCluster Start(
        int nodes, QuorumSpec spec, TimeSpan? tombstoneAgeMin = null, Network? network = null, TimeProvider? time = null, Func<IEngineFactory>? disks = null,
        PlantedBug? bug = null)
    {
        var cluster = new SmallCluster(nodes, spec, network ?? new Network(), time ?? TimeProvider.System, bug ?? PlantedBug.None);
        var limits = new EventualLimits { TombstoneAgeMin = tombstoneAgeMin ?? TimeSpan.Zero };
        foreach (var node in cluster.Nodes)
        {
            cluster.Members.Add(node, new Member(cluster, node, limits, disks?.Invoke() ?? Replicas.Some.Engines));
            cluster.Members[node].Replica.IsWholeFromAsync(Keyspace, CancellationToken.None).GetAwaiter().GetResult();
        }

        return cluster;
    }

    /// <summary>Nodes on different sides do not hear each other until <see cref="Heal"/>.</summary>
    public void Partition(params int[][] sides) => Net.Partition(Nodes, node => Array.FindIndex(sides, side => side.Any(number => node.Value == $"n{number}")));

    /// <summary>Has the ring be of these nodes from now on. Members learn of it when <see cref="Member.HearOfRing"/> says so.</summary>
    [MemberNotNull(nameof(Lists))]
    public void ChangeRing(IEnumerable<NodeId> nodes) => Lists = new ArcLists(HashRing.Of(nodes.Select(static node => new RingNode(node, 0.01))));

    /// <summary>Nothing is cut any more, and every member hears of the ring in force and suspects nobody.</summary>
    public void Heal()
    {
        Net.Heal();
        foreach (var (_, member) in Members)
        {
            member.HearOfRing();
            foreach (var node in Nodes)
            {
                member.Suspicion.Answered(node);
            }
        }
    }

    public async Task HandOverAsync()
    {
        foreach (var (_, member) in Members)
        {
            await member.Handoff.RunAsync(CancellationToken.None);
        }
    }

    public async Task CompareAsync()
    {
        foreach (var (_, member) in Members)
        {
            await member.Rounds.RunAsync(CancellationToken.None);
        }
    }

    public async Task BuryAsync()
    {
        foreach (var (_, member) in Members)
        {
            await member.Tombstones.RunAsync(CancellationToken.None);
        }
    }

    /// <summary>What each primary of the key holds.</summary>
    public SiblingSet[] Copies(EventualKey key) => [.. Lists.ListOf(key.Token, _spec.N).Primaries.ToArray().Select(node => Members[node].Replica.Read(key))];

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, member) in Members)
        {
            await member.DisposeAsync();
        }
    }

    private Task<T> AskAsync<T>(NodeId from, NodeId to, Func<Member, Task<T>> call) => Net.AskAsync(from, to, () => call(Members[to]));

    /// <summary>One node.</summary>
    internal sealed class Member : IKeyOwners, ITreePeers, IAsyncDisposable
    {
        private readonly SmallCluster _cluster;
        private readonly EventualLimits _limits;
        private readonly IEngineFactory _engines;
        private TemporaryDirectory _disk = new();

        public Member(SmallCluster cluster, NodeId self, EventualLimits limits, IEngineFactory engines)
        {
            (_cluster, Self, _limits, _engines, View) = (cluster, self, limits, engines, cluster.Lists);
            Boot(cluster._bug.WipeKeepsName || cluster._bug.CrashKeepsName);
        }

        /// <summary>Who keeps what, as far as this member has heard.</summary>
        public ArcLists View { get; private set; }

        public void HearOfRing() => View = _cluster.Lists;

        [MemberNotNull(nameof(Replica), nameof(Suspicion), nameof(Puts), nameof(Gets), nameof(Handoff), nameof(Rounds), nameof(Tombstones))]
        private void Boot(bool keepsName = false)
        {
            if (keepsName)
            {
                KeepName();
            }

            var (options, patience, time) = (new RepairOptions(), new CoordinatorOptions(), _cluster.Time);
            Replica = EventualReplica.Open(_disk.Path, _engines, _limits, time);
            Suspicion = new PeerSuspicion(time);
            Puts = new PutCoordinator(Self, Replica, new Line(this, Errand.Write), Suspicion, patience, time);
            Gets = new GetCoordinator(Self, Replica, new Line(this, Errand.Read), Suspicion, patience, time);
            Handoff = new HintedHandoff(Replica, this, new Line(this, Errand.HandOff), Suspicion, _limits, options, time);
            Rounds = new RepairRounds(Replica, this, this, new Line(this, Errand.Repair), Suspicion, Ledger, options, time);
            Tombstones = new TombstoneSweep(Replica, this, this, Ledger, _limits, options, time);
        }

        public NodeId Self { get; }

        public EventualReplica Replica { get; private set; }

        public PeerSuspicion Suspicion { get; private set; }

        public PutCoordinator Puts { get; private set; }

        public GetCoordinator Gets { get; private set; }

        public RepairLedger Ledger { get; } = new();

        public HintedHandoff Handoff { get; private set; }

        public RepairRounds Rounds { get; private set; }

        public TombstoneSweep Tombstones { get; private set; }

        IReadOnlyList<NodeId> IKeyOwners.Nodes => _cluster.Nodes;

        IReadOnlyList<KeyspaceId> IKeyOwners.Keyspaces => [Keyspace];

        public PreferenceList? ListOf(KeyspaceId keyspace, int arc) => keyspace == Keyspace ? View.ListOf(arc, _cluster._spec.N) : null;

        public Task<PutAnswer> PutAsync(EventualKey key, string value, VersionVector? context = null, QuorumSpec? spec = null) =>
            WriteAsync(key, Replicas.Some.Put(value, context), spec);

        public Task<PutAnswer> WriteAsync(EventualKey key, ReplicaWrite write, QuorumSpec? spec = null) => Puts.RunAsync(
            key, _cluster._bug.Writes(write), spec ?? _cluster._spec, View.ListOf(key.Token, _cluster._spec.N), _cluster._bug.Syncs, CancellationToken.None);

        public Task<GetAnswer> GetAsync(EventualKey key, QuorumSpec? spec = null) =>
            Gets.RunAsync(key, spec ?? _cluster._spec, View.ListOf(key.Token, _cluster._spec.N), CancellationToken.None);

        public Task<IReadOnlyList<ulong>> RootsAsync(NodeId node, KeyspaceId keyspace, CancellationToken cancellationToken) =>
            _cluster.AskAsync(Self, node, member => Task.FromResult<IReadOnlyList<ulong>>((_cluster._bug.TreesAreBlind ? this : member).Replica.Trees.Roots(keyspace)));

        public Task<IReadOnlyList<ulong>> BucketsAsync(NodeId node, KeyspaceId keyspace, int arc, CancellationToken cancellationToken) =>
            _cluster.AskAsync(Self, node, member => Task.FromResult<IReadOnlyList<ulong>>(member.Replica.Trees.Buckets(keyspace, arc)));

        public Task<(IReadOnlyList<RecordName> Records, bool More)> RecordsAsync(
            NodeId node, KeyspaceId keyspace, int arc, int bucket, EventualKey? after, CancellationToken cancellationToken) =>
            _cluster.AskAsync(Self, node, member =>
            {
                // Pages of three, so that every test pages.
                var place = new LeafPlace(keyspace, arc, bucket);
                var page = member.Replica.Scan(place.Keyspace, place.Start, place.Last, after, 3);
                return Task.FromResult<(IReadOnlyList<RecordName>, bool)>(([.. page.Select(static found => new RecordName(found.Key, found.Hash))], page.Count == 3));
            });

        public Task<IReadOnlyList<bool>> ConfirmAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken) =>
            _cluster._bug.EverybodyAgrees
                ? Task.FromResult<IReadOnlyList<bool>>([.. tombstones.Select(static _ => true)])
                : _cluster.AskAsync<IReadOnlyList<bool>>(Self, node, async member => await member.Tombstones.AgreesAsync(tombstones, cancellationToken));

        public Task RemoveAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken) =>
            _cluster.Net.SendAsync(Self, node, () => Task.WhenAll(tombstones.Select(name =>
                _cluster.Members[node].Replica.WriteAsync(name.Key, new RemoveTombstone(name.Hash), durable: false))));

        /// <summary>The process ends; what was not synced is lost if the disk loses it. It starts again at once.</summary>
        /// <param name="cutPower">Makes the disk refuse everything from now on, and forget what it had not synced.</param>
        public async Task CrashAsync(Action cutPower)
        {
            cutPower();
            await Assert.ThrowsAnyAsync<StorageException>(() => Replica.WriteAsync(Replicas.Some.Key("nobody's"), Replicas.Some.Put("x")));
            await Replica.DisposeAsync();
            Boot(_cluster._bug.CrashKeepsName);
        }

        public async Task RestartAsync()
        {
            await Replica.DisposeAsync();
            Boot();
        }

        public async Task WipeAsync()
        {
            await Replica.DisposeAsync();
            _disk.Dispose();
            _disk = new TemporaryDirectory();
            Boot(_cluster._bug.WipeKeepsName);
            await Replica.IsWholeFromAsync(new KeyspaceId(Keyspace.Value + 1), CancellationToken.None);
        }

        public async ValueTask DisposeAsync()
        {
            await Replica.DisposeAsync();
            _disk.Dispose();
        }

        // Of the start before the one that was lost, so that not even the count of starts tells them apart.
        private void KeepName() => File.WriteAllText(Path.Combine(_disk.Path, "INCARNATION"), $"kvraft-incarnation 1 {Self.Value[1] - '0':x16} 1\n");

        /// <summary>What a message between replicas is sent for.</summary>
        private sealed class Line(Member self, Errand errand) : IReplicaPeers
        {
            public Task HearAsync(NodeId node, CancellationToken cancellationToken) => self._cluster.AskAsync(self.Self, node, static _ => Task.FromResult(true));

            public Task<FetchedState> FetchAsync(NodeId node, EventualKey key, CancellationToken cancellationToken) => self._cluster.AskAsync(
                self.Self, node, member => Task.FromResult(new FetchedState(self._cluster._bug.Fetches(member.Replica.Read(key)), member.Replica.IsWhole(key.Keyspace))));

            public async Task<bool> StoreAsync(NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken)
            {
                var bug = self._cluster._bug;
                await self._cluster.Net.SendAsync(self.Self, node, () =>
                {
                    var replica = self._cluster.Members[node].Replica;
                    return bug.Stores(errand, replica.Read(key), state) is { } stored
                        ? replica.WriteAsync(key, new TakeState(stored, hintFor), durable && bug.Syncs)
                        : Task.CompletedTask;
                });
                return ((IKeyOwners)self._cluster.Members[node]).Keeps(key) is true;
            }
        }
    }
}
