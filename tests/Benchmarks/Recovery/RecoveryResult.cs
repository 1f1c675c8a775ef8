namespace KvRaft.Benchmarks.Recovery;

/// <summary>The return of one node.</summary>
/// <param name="What">The missed writes, and how the node received them.</param>
/// <param name="Bytes">The bytes that it had to receive; 0: none.</param>
/// <param name="Took">From the start of its process until it had applied the index that was committed at the start.</param>
/// <param name="WritesBefore">The latency of concurrent writes while it was away; null: there were none.</param>
/// <param name="WritesMeanwhile">The latency of concurrent writes during its return.</param>
internal sealed record RecoveryResult(string What, long Bytes, TimeSpan Took, double? WritesBefore = null, double? WritesMeanwhile = null)
{
    private const double BytesPerMegabyte = 1e6;

    public double Megabytes => Bytes / BytesPerMegabyte;

    public double MegabytesPerSecond => Megabytes / Took.TotalSeconds;
}
