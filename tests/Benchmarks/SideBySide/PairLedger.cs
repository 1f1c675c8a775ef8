namespace KvRaft.Benchmarks.SideBySide;

/// <summary>
/// Decides which pairs count. If other processes used more of the machine than allowed during a pair, the pair is discarded regardless of its result,
/// and its cell is measured again until it has the required number of undisturbed pairs. The rule uses only the noise, never the result.
/// </summary>
/// <param name="wanted">The required number of undisturbed pairs per cell.</param>
/// <param name="noiseMax">The limit of an undisturbed pair: cores used by others plus stolen cores.</param>
internal sealed class PairLedger(int wanted, double noiseMax)
{
    private readonly Dictionary<string, List<Pair>> _kept = [];
    private readonly Dictionary<string, int> _thrownAway = [];

    /// <returns>True if it counts.</returns>
    public bool Add(Pair pair)
    {
        if (pair.Noise > noiseMax)
        {
            _thrownAway[pair.Cell] = ThrownAway(pair.Cell) + 1;
            return false;
        }

        if (!_kept.TryGetValue(pair.Cell, out var kept))
        {
            _kept[pair.Cell] = kept = [];
        }

        kept.Add(pair);
        return true;
    }

    public bool IsWanting(string cell) => Of(cell).Count < wanted;

    public IReadOnlyList<Pair> Of(string cell) => _kept.GetValueOrDefault(cell) ?? [];

    public int ThrownAway(string cell) => _thrownAway.GetValueOrDefault(cell);
}
