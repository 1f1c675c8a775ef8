using KvRaft.Chaos.Matrix;

namespace KvRaft.Chaos.Planted;

/// <summary>Every planted bug. The other half of each is one guarded statement in src.</summary>
internal static class PlantedCatalog
{
    public static IReadOnlyList<PlantedKind> All { get; } =
    [
        new("no-fsync", new Scenario("power-leader", "set"), "writes to the log are not synced"),
        new("ack-before-fsync", new Scenario("power-all", "set"), "only every fiftieth batch of the log is synced before it is acknowledged"),
        new("fsync-error-ignored", new Scenario("sync-fails", "register"), "a failed sync counts as successful"),
        new("commit-without-quorum", new Scenario("partition-leader", "register"), "a leader commits entries that only it has"),
        new("commits-median", new Scenario("late-follower", "large"), "an answer to a part of a round counts as one to all of it, so that of five voters two commit"),
        new("conflict-kept", new Scenario("partition-leader", "register"), "a conflicting suffix is kept"),
        new("deposed-appends", new Scenario("pause-leader", "register"), "a deposed leader appends in its successor's term"),
        new("read-without-quorum", new Scenario("pause-leader", "register"), "a leader reads without a quorum confirmation"),
        new("lease-too-long", new Scenario("pause-leader", "register"), "a lease outlives the election of the next leader"),
        new("retry-applied-twice", new Scenario("pause-leader", "counter"), "a repeated request is applied again"),
        new("repeat-without-answer", new Scenario("none", "append"), "a repeated transaction is answered without the values it read, and not marked so"),
        new("writers-by-wall-clock", new Scenario("clock-all-ahead", "register"), "a new writer is refused by a wall clock that was ahead"),
        new("sessions-forgotten-at-start", new Scenario("restart", "counter"), "remembered outcomes are lost with the process"),
        new("cas-not-compared", new Scenario("none", "register"), "a compare-and-set does not always compare"),
        new("clock-in-apply", new Scenario("none", "register"), "the result of apply depends on the process"),
        new("delete-undone", new Scenario("none", "register"), "now and then a delete is reported and not applied"),
        new("increment-lost", new Scenario("none", "counter"), "now and then a sum is returned and not stored"),
        new("ttl-forgotten", new Scenario("none", "ttl"), "every fourth version never expires"),
        new("expiry-by-leader-clock", new Scenario("clock-all-behind", "lock"), "a time-to-live ends by the leader's wall clock, not by the clock of the shard"),
        new("txn-not-compared", new Scenario("none", "append"), "a transaction's conditions are not checked"),
        new("last-writer-wins", new Scenario("none", "siblings"), "of concurrent values only the last is kept"),
        new("tombstone-forgotten", new Scenario("none", "siblings"), "a delete leaves no tombstone"),
        new("merge-counts-twice", new Scenario("none", "converge"), "the common part of two counters counts twice when they are merged"),
        new("token-of-another-range", new Scenario("none", "set"), "a request for another range accepts a resume token"),
        new("txn-torn", new Scenario("none", "bank"), "now and then only the first write of a transaction is applied"),
    ];
}
