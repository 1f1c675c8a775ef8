namespace KvRaft.Simulation.Tests.Transcripts;

/// <summary>
/// Returns the smallest permitted number each time, so that a script has the same effects on every runtime: an election timeout is the shortest one, and a power failure
/// keeps no unsynced data. Byte arrays and long numbers are counted upwards, because they name replicas and segments, which must be distinct.
/// </summary>
internal sealed class FixedChance : Random
{
    private byte _count;

    public override int Next(int maxValue) => 0;

    public override int Next(int minValue, int maxValue) => minValue;

    public override long NextInt64() => ++_count;

    public override long NextInt64(long minValue, long maxValue) => minValue;

    public override void NextBytes(byte[] buffer) => Array.Fill(buffer, ++_count);
}
