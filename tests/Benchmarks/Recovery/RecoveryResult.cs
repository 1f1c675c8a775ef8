namespace KvRaft.Benchmarks.Recovery;

/// <summary>How one node came back.</summary>
/// <param name="What">What it had missed, and how it got it.</param>
/// <param name="Bytes">What it had to be given; 0: nothing.</param>
/// <param name="Took">From the start of its process until it had applied whatever was committed by then.</param>
/// <param name="WritesBefore">Latency of the writes that went on, while it was still away; null: none did.</param>
/// <param name="WritesMeanwhile">The same, while the node came back.</param>
internal sealed record RecoveryResult(string What, long Bytes, TimeSpan Took, double? WritesBefore = null, double? WritesMeanwhile = null)
{
    private const double BytesPerMegabyte = 1e6;

    public double Megabytes => Bytes / BytesPerMegabyte;

    public double MegabytesPerSecond => Megabytes / Took.TotalSeconds;
}
