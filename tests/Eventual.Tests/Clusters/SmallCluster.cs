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
/// Replicas in this process, on separate disks, whose messages are method calls over a <see cref="Network"/>. Nothing runs in the background: tests decide when
/// hints are delivered and trees compared.
/// </summary>
internal sealed class SmallCluster : IAsyncDisposable
{
    public static readonly KeyspaceId Keyspace = new(7);

    private readonly QuorumSpec _spec;
    private readonly PlantedBug _bug;

    /// <summary>Nodes that reported that they hold nothing any more, and under which ring.</summary>
    private readonly Dictionary<NodeId, long> _emptyUnder = [];

    private SmallCluster(int nodes, QuorumSpec spec, Network network, TimeProvider time, PlantedBug bug)
    {
        (_spec, Net, Time, _bug) = (spec, network, time, bug);
        Nodes = [.. Enumerable.Range(1, nodes).Select(static i => new NodeId($"n{i}"))];
        ChangeRing(Nodes);
    }

    public Network Net { get; }

    public TimeProvider Time { get; }

    public IReadOnlyList<NodeId> Nodes { get; }

    /// <summary>The current ring. A member uses the one that it received last.</summary>
    public RingView View { get; private set; }

    public PreferenceLists Lists => View.Lists;

    /// <summary>Nodes that have left for good. No node receives messages from them. If the ring includes one again, it is a new node.</summary>
    public HashSet<NodeId> Gone { get; } = [];

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
        }

        return cluster;
    }

    /// <summary>Nodes on different sides receive nothing from each other until <see cref="Heal"/>.</summary>
    public void Partition(params int[][] sides) => Net.Partition(Nodes, node => Array.FindIndex(sides, side => side.Any(number => node.Value == $"n{number}")));

    /// <summary>Makes the ring consist of these nodes from now on. Members receive it when <see cref="Member.HearOfRing"/> is called.</summary>
    [MemberNotNull(nameof(View))]
    public void ChangeRing(IEnumerable<NodeId> nodes) =>
        View = new RingView((View?.Number ?? 0) + 1, new PreferenceLists(HashRing.Of(nodes.Select(static node => new RingNode(node, 0.01)))));

    /// <summary>
    /// Removes a node that is no longer in the ring, if it has received that ring and holds nothing any more: it reports this first, and a node that received
    /// the report removes it
    /// later.
    /// </summary>
    /// <returns>Was it removed?</returns>
    public async Task<bool> LetGoAsync(NodeId node)
    {
        var member = Members[node];
        if (Gone.Contains(node) || Lists.Ring.Nodes.Any(each => each.Id == node))
        {
            return false;
        }

        if (_emptyUnder.GetValueOrDefault(node) != View.Number)
        {
            var isEmpty = member.View == View && member.Replica.Trees.Keyspaces().Length == 0 && member.Replica.Hints.Backlogs().IsEmpty;
            _emptyUnder[node] = isEmpty || _bug.LeaversJustGo ? View.Number : 0;
            return false;
        }

        Gone.Add(node);
        await member.WipeAsync();
        return true;
    }

    /// <summary>Ends all cuts; every member receives the current ring and suspects no node.</summary>
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

    /// <summary>The state at each primary of the key.</summary>
    public SiblingSet[] Copies(EventualKey key) => [.. Lists.ListOf(key.Token, _spec.N).Primaries.ToArray().Select(node => Members[node].Replica.Read(key))];

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, member) in Members)
        {
            await member.DisposeAsync();
        }
    }

    private Task<T> AskAsync<T>(NodeId from, NodeId to, Func<Member, Task<T>> call) =>
        Gone.Contains(to) || Gone.Contains(from) ? throw new PeerException($"{to} is gone") : Net.AskAsync(from, to, () => call(Members[to]));

    /// <summary>A ring, and the number of rings before it.</summary>
    internal sealed record RingView(long Number, PreferenceLists Lists);

    /// <summary>One node.</summary>
    internal sealed class Member : IReplicaHolders, ITreePeers, IAsyncDisposable
    {
        private readonly SmallCluster _cluster;
        private readonly EventualLimits _limits;
        private readonly IEngineFactory _engines;
        private TemporaryDirectory _disk = new();
        private bool _wasWiped;

        public Member(SmallCluster cluster, NodeId self, EventualLimits limits, IEngineFactory engines)
        {
            (_cluster, Self, _limits, _engines, View) = (cluster, self, limits, engines, cluster.View);
            Boot(cluster._bug.WipeKeepsName || cluster._bug.CrashKeepsName);
        }

        /// <summary>The preference lists of the ring that this member has received.</summary>
        public RingView View { get; private set; }

        /// <summary>A write that it accepts now could be lost soon.</summary>
        public bool IsLeaving => View.Lists.Ring.Nodes.All(node => node.Id != Self);

        public void HearOfRing()
        {
            View = _cluster.View;
            Hear();
        }

        private void Hear()
        {
            var news = new RingNews(View.Number, View.Number, new KeyspaceId(Keyspace.Value + 1), [new KeptKeyspace(Keyspace, Tenure, Kept)]);
            if (View.Number == 1 && Replica.Tenures == TenureBook.Blank && !_wasWiped)
            {
                Replica.HearAsync(new RingNews(0, 1, Keyspace, []), CancellationToken.None).GetAwaiter().GetResult();
            }

            Replica.HearAsync(news, CancellationToken.None).GetAwaiter().GetResult();
            if (_cluster._bug.NewcomersCount)
            {
                Replica.HasMetAllAsync(Keyspace, Tenure, [.. Enumerable.Range(0, LeafPlace.TokenRanges).Where(Kept.Contains)], Replica.Doubts, CancellationToken.None).GetAwaiter().GetResult();
            }
        }

        private Tenure Tenure => Tenure.Of(View.Number, _cluster._spec);

        private TokenRangeSet Kept => TokenRangeSet.Where(range => View.Lists.ListOf(range, _cluster._spec.N).Primaries.Contains(Self));

        [MemberNotNull(nameof(Replica), nameof(Suspicion), nameof(Puts), nameof(Gets), nameof(Handoff), nameof(Handover), nameof(Rounds), nameof(Tombstones))]
        private void Boot(bool keepsName = false)
        {
            if (keepsName)
            {
                KeepName();
            }

            var (options, patience, time) = (new RepairOptions(), new CoordinatorOptions(), _cluster.Time);
            Replica = EventualReplica.Open(_disk.Path, _engines, _limits, time);
            Suspicion = new PeerSuspicion(time);
            Puts = new PutCoordinator(this, Replica, new Line(this, Errand.Write), Suspicion, patience, time);
            Gets = new GetCoordinator(this, Replica, new Line(this, Errand.Read), Suspicion, patience, time);
            Handoff = new HintedHandoff(Replica, this, new Line(this, Errand.HandOff), Suspicion, _limits, options, time);
            Handover = new TokenRangeHandover(Replica, this, this, new Line(this, Errand.Repair), Ledger, options, time);
            Rounds = new RepairRounds(Replica, this, this, new Line(this, Errand.Repair), Suspicion, Handover, Ledger, options, time);
            Tombstones = new TombstoneSweep(Replica, this, this, Ledger, _limits, options, time);
            Hear();
        }

        public NodeId Self { get; }

        public EventualReplica Replica { get; private set; }

        public PeerSuspicion Suspicion { get; private set; }

        public PutCoordinator Puts { get; private set; }

        public GetCoordinator Gets { get; private set; }

        public RepairLedger Ledger { get; } = new();

        public HintedHandoff Handoff { get; private set; }

        public TokenRangeHandover Handover { get; private set; }

        public RepairRounds Rounds { get; private set; }

        public TombstoneSweep Tombstones { get; private set; }

        IReadOnlyList<NodeId> IReplicaHolders.Nodes => [.. _cluster.Nodes.Where(node => !_cluster.Gone.Contains(node))];

        IReadOnlyList<KeyspaceId> IReplicaHolders.Keyspaces => [Keyspace];

        public PreferenceList? ListOf(KeyspaceId keyspace, int range) => keyspace == Keyspace ? View.Lists.ListOf(range, _cluster._spec.N) : null;

        public Tenure? TenureOf(KeyspaceId keyspace) => keyspace == Keyspace ? Tenure : null;

        public Task<PutAnswer> PutAsync(EventualKey key, string value, VersionVector? context = null, QuorumSpec? spec = null) =>
            WriteAsync(key, Replicas.Some.Put(value, context), spec);

        public Task<PutAnswer> WriteAsync(EventualKey key, ReplicaWrite write, QuorumSpec? spec = null) => Puts.RunAsync(
            key, _cluster._bug.Writes(write), CallOf(key, spec), _cluster._bug.Syncs, CancellationToken.None);

        public Task<GetAnswer> GetAsync(EventualKey key, QuorumSpec? spec = null) =>
            Gets.RunAsync(key, CallOf(key, spec), new UnboundedRoom(), CancellationToken.None);

        private QuorumCall CallOf(EventualKey key, QuorumSpec? spec) => new(spec ?? _cluster._spec, View.Lists.ListOf(key.Token, _cluster._spec.N), Tenure.Word);

        public Task<TokenRangeRoots> RootsAsync(NodeId node, KeyspaceId keyspace, CancellationToken cancellationToken) => _cluster.AskAsync(Self, node, member =>
        {
            var tenure = member.Tenure.Word;
            return Task.FromResult(new TokenRangeRoots((_cluster._bug.TreesAreBlind ? this : member).Replica.Trees.Roots(keyspace), tenure));
        });

        public Task<IReadOnlyList<bool>> ConfirmKeptAsync(NodeId node, IReadOnlyList<RecordName> records, CancellationToken cancellationToken) =>
            _cluster.AskAsync<IReadOnlyList<bool>>(Self, node, async member => await member.Handover.ConfirmAsync(records, cancellationToken));

        public Task<IReadOnlyList<ulong>> BucketsAsync(NodeId node, KeyspaceId keyspace, int range, CancellationToken cancellationToken) =>
            _cluster.AskAsync(Self, node, member => Task.FromResult<IReadOnlyList<ulong>>(member.Replica.Trees.Buckets(keyspace, range)));

        public Task<(IReadOnlyList<RecordName> Records, bool More)> RecordsAsync(
            NodeId node, KeyspaceId keyspace, int range, int bucket, EventualKey? after, CancellationToken cancellationToken) =>
            _cluster.AskAsync(Self, node, member =>
            {
                // Pages of three, so that every test pages.
                var place = new LeafPlace(keyspace, range, bucket);
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

        /// <summary>Ends the process; data that was not synced is lost if the disk loses it. The process restarts at once.</summary>
        /// <param name="cutPower">The disk refuses every call from now on, and loses all bytes that were not synced.</param>
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
            _wasWiped = true;
            Boot(_cluster._bug.WipeKeepsName);
        }

        public async ValueTask DisposeAsync()
        {
            await Replica.DisposeAsync();
            _disk.Dispose();
        }

        // The file of the start before the lost one, so that the count of starts does not distinguish them either.
        private void KeepName() => File.WriteAllText(Path.Combine(_disk.Path, "INCARNATION"), $"kvraft-incarnation 1 {Self.Value[1] - '0':x16} 1\n");

        /// <summary>The purpose of a message between replicas.</summary>
        private sealed class Line(Member self, Errand errand) : IReplicaPeers
        {
            public Task HearAsync(NodeId node, CancellationToken cancellationToken) => self._cluster.AskAsync(self.Self, node, static _ => Task.FromResult(true));

            public Task<FetchedState> FetchAsync(NodeId node, EventualKey key, IStateRoom? room, CancellationToken cancellationToken) => self._cluster.AskAsync(self.Self, node, member =>
            {
                var (state, claim) = member.Replica.ReadWithClaim(key, member);
                return Task.FromResult(new FetchedState(self._cluster._bug.Fetches(state), Heard(claim)));
            });

            private ReplicaClaim Heard(ReplicaClaim claim) => self._cluster._bug.AnyRingCounts ? claim with { Tenure = self.Tenure.Word, IsWhole = true } : claim;

            public async Task<ReplicaClaim> StoreAsync(NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken)
            {
                var (cluster, claim) = (self._cluster, default(ReplicaClaim));
                await cluster.Net.SendAsync(self.Self, node, async () =>
                {
                    var member = cluster.Members[node];
                    RefuseIfAway(member);
                    if (cluster._bug.Stores(errand, member.Replica.Read(key), state) is { } stored)
                    {
                        await member.Replica.WriteAsync(key, new TakeState(stored, hintFor), durable && cluster._bug.Syncs);
                    }

                    RefuseIfAway(member);
                    claim = member.Replica.ClaimOn(key, member);
                });
                return Heard(claim);
            }

            private void RefuseIfAway(Member member)
            {
                if (member.IsLeaving || self._cluster.Gone.Contains(member.Self))
                {
                    throw new PeerException($"{member.Self} takes nothing any more");
                }
            }
        }
    }
}
