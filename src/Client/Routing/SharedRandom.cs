namespace KvRaft.Client.Routing;

/// <summary>A seeded, thread-safe random source; <see cref="Random"/> with a seed is not thread-safe.</summary>
internal sealed class SharedRandom(int seed) : Random
{
    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);

    public static Random Create(int? seed) => seed is { } given ? new SharedRandom(given) : Shared;

    public override int Next()
    {
        lock (_lock)
        {
            return _random.Next();
        }
    }

    public override double NextDouble()
    {
        lock (_lock)
        {
            return _random.NextDouble();
        }
    }
}
