using CsCheck;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Placement.Tests.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Rules;

public class PlacementRulesTests
{
    [Fact]
    public void Initialization_registers_nodes_a_full_map_and_the_default_keyspace()
    {
        var state = SomeCommands.Founded();
        Assert.True(state.IsInitialized);
        Assert.Equal(SomeCommands.ClusterId, state.ClusterId);
        Assert.Equal(SomeCommands.Nodes(3), state.Nodes);
        Assert.Equal(new Epoch(1), state.Epoch);
        Assert.Equal(4, state.Map!.ShardCount);
        Assert.All(state.Map.Shards, shard => Assert.Equal([1, 1], shard.Replicas.Select(replica => replica.Incarnation)));
        Assert.Equal(new KeyspaceDescriptor { Id = KeyspaceId.Default, Name = "default" }, Assert.Single(state.Keyspaces));
        Assert.Same(state.Keyspaces[0], state.FindKeyspace("default"));
    }

    [Fact]
    public void Every_other_command_is_refused_before_the_initialization()
    {
        var (state, outcome) = PlacementRules.Apply(PlacementState.Empty, new CreateKeyspace("carts"));
        Assert.Same(PlacementState.Empty, state);
        Assert.Equal(PlacementRefusal.NotInitialized, Refusal(outcome));
    }

    [Fact]
    public void An_equal_initialization_returns_the_same_and_changes_nothing()
    {
        var state = SomeCommands.Founded();
        var (first, again) = (PlacementRules.Apply(PlacementState.Empty, SomeCommands.Init).Outcome, PlacementRules.Apply(state, SomeCommands.Init));
        Assert.Same(state, again.State);
        Assert.Equivalent(first, again.Outcome, strict: true);
    }

    [Fact]
    public void An_initialization_is_equal_after_a_change_of_addresses()
    {
        var state = SomeCommands.After(SomeCommands.Init, new ChangeNodeAddress(new NodeId("n1"), "elsewhere:1", "elsewhere:2"));
        Assert.IsType<ClusterInitialized>(PlacementRules.Apply(state, SomeCommands.Init).Outcome);
    }

    // Every initial node may propose the initialization, each with its own secret; all nodes must hold the same one.
    [Fact]
    public void The_first_initialization_sets_the_context_key_permanently()
    {
        var (first, second) = (SomeCommands.Init, SomeCommands.Init with { ContextSecret = [.. new byte[ContextKey.SecretBytes]] });
        var state = SomeCommands.After(first);

        var (after, outcome) = PlacementRules.Apply(state, second);

        Assert.IsType<ClusterInitialized>(outcome);
        Assert.Same(state, after);
        Assert.Equal([new ContextKey(1, SomeCommands.Secret)], SomeCommands.After(first, new CreateKeyspace("later")).ContextKeys);
        Assert.DoesNotContain("1F", state.ContextKeys[0].ToString(), StringComparison.Ordinal);
        Assert.NotNull(PlacementChecks.MistakeIn(first with { ContextSecret = [1, 2, 3] }));
    }

    [Fact]
    public void A_different_initialization_is_refused_with_the_difference()
    {
        var state = SomeCommands.Founded();
        var nodes = SomeCommands.Nodes(3);
        var other = new Guid("00000000-0000-0000-0000-000000000001");
        AssertDiffers("cluster id", SomeCommands.Init with { ClusterId = other });
        AssertDiffers("4 shards, not 8", InitCluster.For(SomeCommands.ClusterId, nodes, 8, 2, SomeCommands.Secret));
        AssertDiffers("replication factor is 2, not 3", InitCluster.For(SomeCommands.ClusterId, nodes, 4, 3, SomeCommands.Secret));
        AssertDiffers("hash seed", SomeCommands.Init with { HashSeed = 7 });
        AssertDiffers("n3", InitCluster.For(SomeCommands.ClusterId, SomeCommands.Nodes(4), 4, 2, SomeCommands.Secret));
        AssertDiffers("weight 5", InitCluster.For(SomeCommands.ClusterId, [nodes[0] with { Weight = 5 }, .. nodes[1..]], 4, 2, SomeCommands.Secret));
        AssertDiffers("zone 'attic'", InitCluster.For(SomeCommands.ClusterId, [nodes[0] with { Zone = "attic" }, .. nodes[1..]], 4, 2, SomeCommands.Secret));

        void AssertDiffers(string what, InitCluster init)
        {
            var (after, outcome) = PlacementRules.Apply(state, init);
            Assert.Same(state, after);
            Assert.Equal(PlacementRefusal.InitializedOtherwise, Refusal(outcome));
            Assert.Contains(what, ((PlacementRefused)outcome).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_invalid_initialization_is_refused()
    {
        var nodes = SomeCommands.Nodes(3);
        Assert.All(
            new[]
            {
                SomeCommands.Init with { ClusterId = Guid.Empty },
                SomeCommands.Init with { Nodes = [] },
                SomeCommands.Init with { Nodes = [nodes[1], nodes[0], nodes[2]] },
                SomeCommands.Init with { Nodes = [nodes[0], nodes[0], nodes[1], nodes[2]] },
                SomeCommands.Init with { Nodes = [nodes[0] with { Weight = double.NaN }, nodes[1], nodes[2]] },
                SomeCommands.Init with { Nodes = [nodes[0] with { RaftAddress = "" }, nodes[1], nodes[2]] },
                SomeCommands.Init with { Shards = SomeCommands.Init.Shards[..3] },
                SomeCommands.Init with { ReplicationFactor = 3 },
                SomeCommands.Init with { Shards = SomeCommands.Init.Shards.SetItem(0, [nodes[0].Id, nodes[0].Id]) },
                SomeCommands.Init with { Shards = SomeCommands.Init.Shards.SetItem(0, [nodes[0].Id, new NodeId("stranger")]) },
            },
            init => Assert.Equal(PlacementRefusal.Invalid, Refusal(PlacementRules.Apply(PlacementState.Empty, init).Outcome)));
    }

    [Fact]
    public void An_id_is_never_given_again()
    {
        var state = SomeCommands.After(
            SomeCommands.Init, new CreateKeyspace("carts"), new DropKeyspace("carts"), new CreateKeyspace("carts"));
        Assert.Equal(new KeyspaceId(3), state.FindKeyspace("carts")!.Id);
        Assert.Null(state.FindKeyspace(new KeyspaceId(2)));
    }

    [Fact]
    public void An_assigned_id_that_is_not_registered_is_dropped()
    {
        Assert.Empty(SomeCommands.Founded().DroppedKeyspaces());
        var state = SomeCommands.After(
            SomeCommands.Init, new CreateKeyspace("carts"), new CreateKeyspace("orders"), new DropKeyspace("carts"), new CreateKeyspace("carts"));
        Assert.Equal([new KeyspaceId(2)], state.DroppedKeyspaces());
        Assert.Empty(PlacementState.Empty.DroppedKeyspaces());
    }

    [Fact]
    public void The_registry_has_room_for_a_thousand_keyspaces()
    {
        var state = SomeCommands.Founded();
        for (var i = 1; i < PlacementLimits.KeyspacesMax; i++)
        {
            state = PlacementRules.Apply(state, new CreateKeyspace($"k{i}")).State;
        }

        Assert.Equal(PlacementLimits.KeyspacesMax, state.Keyspaces.Length);
        Assert.Equal(PlacementRefusal.TooManyKeyspaces, Refusal(PlacementRules.Apply(state, new CreateKeyspace("one-more")).Outcome));
        Assert.IsType<KeyspaceCreated>(PlacementRules.Apply(
            PlacementRules.Apply(state, new DropKeyspace("k7")).State, new CreateKeyspace("one-more")).Outcome);
    }

    [Fact]
    public void An_eventual_keyspace_keeps_the_policy_it_was_made_with()
    {
        var policy = new EventualPolicy { Quorum = new QuorumSpec(3, 1, 2, Sloppy: false), Conflict = ConflictPolicy.Set };
        var create = new CreateKeyspace("carts") { Mode = KeyspaceMode.Eventual, Eventual = policy };

        var (state, outcome) = PlacementRules.Apply(SomeCommands.Founded(), create);

        Assert.Equal(policy, Assert.IsType<KeyspaceCreated>(outcome).Keyspace.Eventual);
        Assert.True(Assert.IsType<KeyspaceCreated>(PlacementRules.Apply(state, create).Outcome).Existed);
        Assert.Equal(
            PlacementRefusal.KeyspaceExists,
            Refusal(PlacementRules.Apply(state, create with { Eventual = EventualPolicy.Default }).Outcome));
    }

    public static TheoryData<KeyspaceMode, EventualPolicy?> Misfits => new()
    {
        { KeyspaceMode.Eventual, null },
        { KeyspaceMode.Strong, EventualPolicy.Default },
        { KeyspaceMode.Eventual, new EventualPolicy { Quorum = new QuorumSpec(3, 2, 4, Sloppy: true) } },
        { KeyspaceMode.Eventual, new EventualPolicy { Quorum = new QuorumSpec(3, 0, 2, Sloppy: true) } },
        { KeyspaceMode.Eventual, new EventualPolicy { Conflict = (ConflictPolicy)99 } },
        { KeyspaceMode.Eventual, new EventualPolicy { Durability = 0 } },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void An_invalid_policy_is_refused(KeyspaceMode mode, EventualPolicy? policy) =>
        Assert.Equal(
            PlacementRefusal.Invalid,
            Refusal(PlacementRules.Apply(SomeCommands.Founded(), new CreateKeyspace("carts") { Mode = mode, Eventual = policy }).Outcome));

    [Fact]
    public void Random_commands_have_the_same_results_as_on_a_dictionary() =>
        SomeCommands.Any.List[0, 40].Sample(commands =>
        {
            var (state, model) = (PlacementState.Empty, new PlacementModel());
            foreach (var command in commands)
            {
                var (next, outcome) = PlacementRules.Apply(state, command);
                Assert.Equal(model.Apply(command), outcome.GetType().Name + (outcome is PlacementRefused refused ? " " + refused.Reason : ""));
                Assert.Equal(model.Keyspaces.OrderBy(keyspace => keyspace.Id), next.Keyspaces.Select(keyspace => keyspace));
                Assert.Equal(model.Addresses, next.Nodes.ToDictionary(node => node.Id.Value, node => node.RaftAddress));
                Assert.Equal(
                    model.Replicas,
                    (next.Map?.Shards ?? []).SelectMany(shard => shard.Replicas.Select(replica => (shard.Id, Replica: replica)))
                        .ToDictionary(entry => (entry.Id.Value, entry.Replica.Node.Value), entry => entry.Replica.Incarnation));
                Assert.Equal(
                    model.Moves,
                    next.Moves.ToDictionary(
                        move => move.Shard.Value, move => (move.From.Node.Value, move.To.Node.Value, move.To.Incarnation, move.IsCancelling)));

                // One epoch for each change, and none otherwise.
                Assert.Equal(ReferenceEquals(state, next) ? state.Epoch.Value : state.Epoch.Value + 1, next.Epoch.Value);
                Assert.Equal(ReferenceEquals(state, next), state.Equals(next));
                state = next;
            }
        });

    [Fact]
    public void A_command_that_is_applied_twice_answers_the_same_state() =>
        SomeCommands.Any.List[0, 20].Where(commands => commands.Count > 0).Sample(commands =>
        {
            var once = SomeCommands.After([.. commands]);
            Assert.Equal(once, PlacementRules.Apply(once, commands[^1]).State);
        });

    private static PlacementRefusal Refusal(PlacementOutcome outcome) => Assert.IsType<PlacementRefused>(outcome).Reason;
}
