using CsCheck;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.State;

/// <summary>The mutable and immutable parts of an eventual keyspace.</summary>
public class AlterEventualTests
{
    private static readonly PlacementState State = SomeCommands.After(
        SomeCommands.Init,
        new CreateKeyspace("carts") { Mode = KeyspaceMode.Eventual, Eventual = EventualPolicy.Default },
        new CreateKeyspace("visits") { Mode = KeyspaceMode.Eventual, Eventual = EventualPolicy.Default with { Conflict = ConflictPolicy.Counter } },
        new CreateKeyspace("orders"));

    [Fact]
    public void Counts_sloppiness_and_durability_change_and_the_rest_stays()
    {
        var altered = Altered("carts", new EventualChange { N = 2, R = 1, Sloppy = false, Durability = EventualDurability.Memory });
        Assert.Equal(new QuorumSpec(2, 1, 2, Sloppy: false), altered.Eventual!.Quorum);
        Assert.Equal(EventualDurability.Memory, altered.Eventual.Durability);
        Assert.Equal(ConflictPolicy.Siblings, altered.Eventual.Conflict);
        Assert.Equal(EventualPolicy.Default with { Durability = EventualDurability.Memory }, Altered("carts", new EventualChange { Durability = EventualDurability.Memory }).Eventual);
    }

    [Fact]
    public void Plain_values_may_be_shown_side_by_side_or_the_latest_only()
    {
        Assert.Equal(ConflictPolicy.LastWriter, Altered("carts", new EventualChange { Conflict = ConflictPolicy.LastWriter }).Eventual!.Conflict);
        Assert.Equal(ConflictPolicy.Counter, Altered("visits", new EventualChange { Conflict = ConflictPolicy.Counter, R = 1 }).Eventual!.Conflict);
    }

    [Theory]
    [InlineData("carts", ConflictPolicy.Set, "cannot read")]
    [InlineData("visits", ConflictPolicy.Siblings, "cannot read")]
    [InlineData("orders", ConflictPolicy.LastWriter, "is strong, and the mode is permanent")]
    public void Values_of_a_type_are_not_read_as_another(string keyspace, ConflictPolicy conflict, string why) =>
        Assert.Contains(why, Refused(keyspace, new EventualChange { Conflict = conflict }), StringComparison.Ordinal);

    [Fact]
    public void Invalid_counts_are_refused()
    {
        Assert.Contains("n is at most 3", Refused("carts", new EventualChange { N = 5 }), StringComparison.Ordinal);
        Assert.Contains("w is from 1 to n, which is 3", Refused("carts", new EventualChange { W = 4 }), StringComparison.Ordinal);
        Assert.Contains("r is from 1 to n, which is 1", Refused("carts", new EventualChange { N = 1 }), StringComparison.Ordinal);
        Assert.Contains("from 1 to 7", Refused("carts", new EventualChange { R = 0 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Has_these_bytes_and_reads_them()
    {
        var alter = new AlterKeyspace("carts") { TtlDefaultMs = 0, Eventual = new EventualChange { N = 5, W = 3, Sloppy = false, Durability = EventualDurability.Memory } };
        Assert.Equal("0103056361727473" + "0900" + "2D" + "05" + "03" + "00" + "02", Convert.ToHexString(PlacementCommandCodec.Encode(alter)));
        Assert.Equal(alter, PlacementCommandCodec.Decode(PlacementCommandCodec.Encode(alter)));
    }

    [Fact]
    public void Any_change_is_decoded_as_it_was_encoded() =>
        Gen.Select(Gen.Int[0, 7], Gen.Int[0, 7], Gen.Int[0, 7], Gen.Int[0, 2], Gen.Int[0, 6], Gen.Int[0, 2]).Sample(static (n, r, w, sloppy, conflict, durability) =>
        {
            var alter = new AlterKeyspace("carts")
            {
                Eventual = new EventualChange
                {
                    N = n == 0 ? null : n,
                    R = r == 0 ? null : r,
                    W = w == 0 ? null : w,
                    Sloppy = sloppy == 0 ? null : sloppy == 1,
                    Conflict = conflict == 0 ? null : (ConflictPolicy)conflict,
                    Durability = durability == 0 ? null : (EventualDurability)durability,
                },
            };
            return PlacementCommandCodec.Decode(PlacementCommandCodec.Encode(alter)) == alter;
        });

    private static KeyspaceDescriptor Altered(string keyspace, EventualChange change)
    {
        var (state, outcome) = PlacementRules.Apply(State, new AlterKeyspace(keyspace) { Eventual = change });
        Assert.IsType<KeyspaceAltered>(outcome);
        return state.FindKeyspace(keyspace)!;
    }

    private static string Refused(string keyspace, EventualChange change)
    {
        var (state, outcome) = PlacementRules.Apply(State, new AlterKeyspace(keyspace) { Eventual = change });
        Assert.Same(State, state);
        return Assert.IsType<PlacementRefused>(outcome).Message;
    }
}
