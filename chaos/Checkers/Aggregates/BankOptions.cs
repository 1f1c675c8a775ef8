namespace KvRaft.Chaos.Checkers;

/// <summary>The parameters of the bank before the run.</summary>
public sealed record BankOptions
{
    private const string BalancePrefix = "balance:";

    /// <summary>The sum of all balances; <c>null</c>: computed from <see cref="Initial"/>, or from the first read if there are none.</summary>
    public long? Total { get; init; }

    public bool NegativeAllowed { get; init; }

    /// <summary>
    /// Balances before the first transfer. With them every account has its own bounds; without them a transfer that is applied twice is not detected,
    /// because it keeps the total.
    /// </summary>
    public IReadOnlyDictionary<string, long> Initial { get; init; } = new SortedDictionary<string, long>(StringComparer.Ordinal);

    /// <summary>From the header parameters <c>total</c>, <c>negative-allowed</c> (0 or 1) and <c>balance:ACCOUNT</c>.</summary>
    public static BankOptions FromHeader(HistoryHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        return new BankOptions
        {
            Total = header.Parameters.TryGetValue("total", out var total) ? total : null,
            NegativeAllowed = header.Parameters.GetValueOrDefault("negative-allowed") != 0,
            Initial = new SortedDictionary<string, long>(
                header.Parameters
                    .Where(pair => pair.Key.StartsWith(BalancePrefix, StringComparison.Ordinal))
                    .ToDictionary(pair => pair.Key[BalancePrefix.Length..], pair => pair.Value),
                StringComparer.Ordinal),
        };
    }
}
