namespace KvRaft.Benchmarks.SideBySide;

/// <summary>
/// Which pairs count. A pair during which neighbours used more of the machine than allowed is thrown away, whatever it says, and its
/// cell is measured again until it has as many quiet pairs as wanted. The rule looks at the noise only, never at the result.
/// </summary>
/// <param name="wanted">Quiet pairs each cell shall have.</param>
/// <param name="noiseMax">Cores used by others or stolen, together, up to which a pair is quiet.</param>
internal sealed class PairLedger(int wanted, double noiseMax)
{
    private readonly Dictionary<string, List<Pair>> _kept = [];
    private readonly Dictionary<string, int> _thrownAway = [];

    /// <returns>Whether it counts.</returns>
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
