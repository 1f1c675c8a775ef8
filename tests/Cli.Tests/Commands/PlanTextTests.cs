using KvRaft.Cli.Commands;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

public sealed class PlanTextTests
{
    [Fact]
    public void A_plan_lists_changes_moves_and_consequences()
    {
        var plan = new PlanInfo
        {
            Changes = { new PlanChange { Kind = PlanChangeKind.Add, NodeId = "n4" }, new PlanChange { Kind = PlanChangeKind.Weight, NodeId = "n1", Weight = 0.5 } },
            Moves = { Move(0, "n1", "n4"), Move(1, "n1", "n4"), Move(2, "n2", "n4") },
            Shares = { new NodeShare { NodeId = "n1", ShardsBefore = 8, ShardsAfter = 6 }, new NodeShare { NodeId = "n3", ShardsBefore = 8, ShardsAfter = 8 } },
            Bytes = 3_000_000,
            EtaMs = 23,
            ToleranceBefore = 1,
            ToleranceDuring = 1,
            ToleranceAfter = 1,
            ZoneToleranceAfter = true,
            Warnings = { "n5 does not answer" },
        };
        Assert.Equal(
            [
                "Change           add n4",
                "Change           weight n1 0.5",
                "Shards on n1     8 -> 6  (-2)",
                "Shards on n3     8 -> 8",
                "Moves            n1 -> n4: 2 shards",
                "Moves            n2 -> n4: 1 shard",
                "Total            3 moves, 3.0 MB, copied in 0.0s at the full rate",
                "Fault tolerance  1 before, 1 during, 1 after (nodes); any one zone: no before, yes after",
                "[WARN] n5 does not answer",
            ],
            PlanText.Lines(plan));
    }

    [Fact]
    public void An_empty_plan_and_unknown_sizes_are_reported_as_such()
    {
        var lines = PlanText.Lines(new PlanInfo { Bytes = -1, EtaMs = -1 }).ToArray();
        Assert.Equal("Nothing is staged.", lines[0]);
        Assert.Contains(lines, line => line.Contains("0 moves, of unknown size", StringComparison.Ordinal));
    }

    private static PlanMove Move(int shard, string from, string to) => new() { Shard = shard, FromNode = from, ToNode = to };
}
