using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>The progress of the comparison of one token range, as this node sees it.</summary>
/// <param name="EqualAtMs">When all its replicas were last found equal, milliseconds since the Unix epoch; 0 = not since the start.</param>
/// <param name="KeysRepaired">Keys made equal since the start.</param>
/// <param name="LastError">Why the last comparison failed; empty if it did not.</param>
internal readonly record struct TokenRangeState(long EqualAtMs, long KeysRepaired, string LastError);

/// <summary>The results of repair, for status pages. Thread-safe.</summary>
internal sealed class RepairLedger
{
    private readonly ConcurrentDictionary<(KeyspaceId Keyspace, int TokenRange), TokenRangeState> _ranges = new();
    private long _rounds;
    private long _tombstonesRemoved;
    private long _straysHandedOver;
    private volatile string _handoverError = "";

    public long Rounds => Interlocked.Read(ref _rounds);

    public long TombstonesRemoved => Interlocked.Read(ref _tombstonesRemoved);

    /// <summary>Records of token ranges that this node does not hold, which it handed over to their replica holders.</summary>
    public long StraysHandedOver => Interlocked.Read(ref _straysHandedOver);

    public TokenRangeState Of(KeyspaceId keyspace, int range) => _ranges.GetValueOrDefault((keyspace, range), new TokenRangeState(0, 0, ""));

    public void RoundDone() => Interlocked.Increment(ref _rounds);

    public void Removed(int tombstones) => Interlocked.Add(ref _tombstonesRemoved, tombstones);

    /// <summary>Why the last handover of a token range left records here; empty if it did not.</summary>
    public string HandoverError => _handoverError;

    public void HandedOverStrays(int records) => Interlocked.Add(ref _straysHandedOver, records);

    public void HandedOver(string error) => _handoverError = error;

    public void Equal(KeyspaceId keyspace, int range, long nowMs) => Change(keyspace, range, state => state with { EqualAtMs = nowMs, LastError = "" });

    public void Repaired(KeyspaceId keyspace, int range, int keys) => Change(keyspace, range, state => state with { KeysRepaired = state.KeysRepaired + keys });

    public void Failed(KeyspaceId keyspace, int range, string error) => Change(keyspace, range, state => state with { LastError = error });

    private void Change(KeyspaceId keyspace, int range, Func<TokenRangeState, TokenRangeState> change) =>
        _ranges.AddOrUpdate((keyspace, range), _ => change(new TokenRangeState(0, 0, "")), (_, state) => change(state));
}
