using System.Reflection;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Administration;

/// <summary>The public records of the administration against the protobuf messages they stand for.</summary>
public sealed class KvAdministrationTests
{
    [Fact]
    public void The_public_API_names_no_protobuf_type()
    {
        var exposed =
            from type in typeof(KvClient).Assembly.GetExportedTypes()
            from member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            where member.ToString()!.Contains("KvRaft.V1", StringComparison.Ordinal) || member.ToString()!.Contains("Google.Protobuf", StringComparison.Ordinal)
            select $"{type.Name}: {member}";

        Assert.Empty(exposed);
    }

    [Theory]
    [InlineData(typeof(KvKeyspaceMode), typeof(KeyspaceMode))]
    [InlineData(typeof(KvKeyRouting), typeof(RoutingRule))]
    [InlineData(typeof(KvConflictPolicy), typeof(ConflictPolicy))]
    [InlineData(typeof(KvEventualDurability), typeof(EventualDurability))]
    [InlineData(typeof(KvNodeState), typeof(NodeState))]
    [InlineData(typeof(KvPlanChangeKind), typeof(PlanChangeKind))]
    [InlineData(typeof(KvReplicaRole), typeof(ReplicaRole))]
    public void An_enumeration_has_the_names_and_numbers_of_its_message(Type record, Type message)
    {
        var mine = Enum.GetNames(record).Where(static name => name != "Unknown").ToDictionary(name => name, name => (int)Enum.Parse(record, name));
        var theirs = Enum.GetNames(message).Where(static name => name != "Unspecified").ToDictionary(name => name, name => (int)Enum.Parse(message, name));

        Assert.Equal(theirs.OrderBy(static pair => pair.Value), mine.OrderBy(static pair => pair.Value));
    }

    [Fact]
    public void A_keyspace_survives_the_way_to_its_message_and_back()
    {
        var carts = new KvKeyspaceInfo("carts")
        {
            Mode = KvKeyspaceMode.Eventual,
            Routing = KvKeyRouting.Tag,
            TimeToLiveDefault = TimeSpan.FromMinutes(30),
            TimeToLiveMax = TimeSpan.FromDays(2),
            ValueBytesMax = 4096,
            Eventual = new KvEventualPolicy { Replicas = 5, ReadQuorum = 1, WriteQuorum = 3, IsStrict = true, Conflict = KvConflictPolicy.Map, Durability = KvEventualDurability.Memory },
        };

        Assert.Equal(carts, KvKeyspaceInfo.From(carts.ToMessage()));
        Assert.Equal(new KvKeyspaceInfo("plain"), KvKeyspaceInfo.From(new KvKeyspaceInfo("plain").ToMessage()));
    }

    [Fact]
    public void A_policy_change_sets_only_what_it_names()
    {
        var message = new KvEventualPolicyChange { WriteQuorum = 1 }.ToMessage();

        Assert.Equal((false, false, true, false), (message.HasN, message.HasR, message.HasW, message.HasStrict));
        Assert.Equal((1, ConflictPolicy.Unspecified, EventualDurability.Unspecified), (message.W, message.Conflict, message.Durability));
    }

    [Fact]
    public void A_scheduler_change_sets_only_what_it_names()
    {
        var message = new KvSchedulerConfigChange { ForegroundP99 = TimeSpan.Zero }.ToMessage();

        Assert.True(message.HasForegroundP99Ms && message.ForegroundP99Ms == 0);
        Assert.False(message.HasCopyMegabytesPerSecond || message.HasMovesAtOnce || message.HasMovesAtOncePerNode);
    }

    /// <summary>A number comes from another program; one that .NET cannot represent must not end the call.</summary>
    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void A_time_beyond_the_range_of_NET_becomes_the_nearest_one(long number)
    {
        var status = KvNodeStatus.From(new StatusResponse { UptimeMs = number, ServerTimeMs = number, Clock = new ClockStatus { OffsetMs = number } });
        var move = KvOperator.From(new OperatorInfo { AgreedMs = number, EndedMs = number, StillMs = number });
        var limits = KvLimits.From(new Limits { TimeoutMsMax = number, TtlMsMax = number, ExpireAtMsMax = number });
        var (moment, span) = number < 0 ? (DateTimeOffset.MinValue, TimeSpan.MinValue) : (DateTimeOffset.MaxValue, TimeSpan.MaxValue);

        Assert.Equal((span, moment.ToUnixTimeMilliseconds(), span), (status.Uptime, status.ServerTime.ToUnixTimeMilliseconds(), status.ClockOffset));
        Assert.Equal((moment.ToUnixTimeMilliseconds(), span), (move.AgreedAt!.Value.ToUnixTimeMilliseconds(), move.Unchanged));
        Assert.Equal((span, span, moment.ToUnixTimeMilliseconds()), (limits.TimeoutMax, limits.TimeToLiveMax, limits.ExpiresAtMax.ToUnixTimeMilliseconds()));
        Assert.Equal(span, KvKeyspaceInfo.From(new KeyspaceInfo { TtlMaxMs = number }).TimeToLiveMax);
        Assert.Equal(number < 0 ? null : TimeSpan.MaxValue, KvPlan.From(new PlanInfo { EtaMs = number }).Duration);
    }

    [Fact]
    public void An_omitted_field_of_a_message_is_null()
    {
        var node = KvNode.From(new NodeInfo { NodeId = "n1", SilenceMs = -1 });
        var plan = KvPlan.From(new PlanInfo { Bytes = -1, EtaMs = -1, ToleranceAfter = -1 });
        var replica = KvReplicaStatus.From(new GroupStatus { Group = 0, Shard = -1 });
        var diff = KvRingDiff.From(new RingDiff { FromEpoch = 3, Moves = { new RingMove { Shard = 1 } } });

        Assert.Equal((null, null), (node.Silence, node.Note));
        Assert.Equal((null, null, null, -1), (plan.Number, plan.BytesToCopy, plan.Duration, plan.ToleranceAfter));
        Assert.Equal((null, null), (replica.Shard, replica.Leader));
        Assert.Equal((null, null), (diff.ToEpoch, diff.Moves[0].Epoch));
    }
}
