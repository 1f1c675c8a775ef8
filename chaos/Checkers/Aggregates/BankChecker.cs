using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that transfers are atomic and applied exactly once. Every read of all balances must keep the total (<c>wrong-total</c>: the read saw half
/// of a transfer, or half of one was lost) and, unless allowed, contain no negative balance (<c>negative-balance</c>: two transfers checked the same
/// state). If the initial balances are known, every account must also lie between the result of the acknowledged transfers and the possible results
/// of the started ones (<c>wrong-balance</c>: lost or applied twice). A read with other accounts is <c>wrong-accounts</c>.
/// </summary>
public static class BankChecker
{
    private const string Name = "bank";

    /// <exception cref="HistoryFormatException">An operation is not an operation of a bank.</exception>
    public static Verdict Check(History history, BankOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= BankOptions.FromHeader(history.Header);
        var transfers = new List<Transfer>();
        var reads = new List<(Operation Operation, SortedDictionary<string, long> Balances)>();
        foreach (var operation in history.Operations)
        {
            switch (operation.Function)
            {
                case Functions.Transfer:
                    transfers.Add(ReadTransfer(operation));
                    break;
                case Functions.Read when operation.IsOk && operation.IsLinearizableLevel:
                    reads.Add((operation, ReadBalances(operation.Completion!)));
                    break;
                case Functions.Read:
                    break;
                default:
                    throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no operation of a bank");
            }
        }

        var findings = new FindingList();
        CheckTotals(reads, options, findings);
        CheckAccounts(reads, transfers, options, findings);
        return findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["reads"] = reads.Count,
            ["transfers-acknowledged"] = transfers.Count(transfer => transfer.Operation.IsOk),
            ["transfers-open"] = transfers.Count(transfer => transfer.Operation.Outcome == OperationOutcome.Unknown),
        });
    }

    private static void CheckTotals(List<(Operation Operation, SortedDictionary<string, long> Balances)> reads, BankOptions options, FindingList findings)
    {
        if (reads.Count == 0)
        {
            return;
        }

        var accounts = options.Initial.Count > 0 ? options.Initial.Keys : reads[0].Balances.Keys;
        var total = options.Total ?? (options.Initial.Count > 0 ? options.Initial.Values.Sum() : reads[0].Balances.Values.Sum());
        foreach (var (read, balances) in reads)
        {
            var shown = $"p{read.Process} at index {read.InvokedIndex} read {string.Join(", ", balances.Select(pair => $"{pair.Key}={pair.Value}"))}";
            if (balances.Values.Sum() is var sum && sum != total)
            {
                findings.Add(new Finding("wrong-total", $"{shown}: {sum}, not {total}") { Operations = [read] });
            }

            if (!options.NegativeAllowed && balances.Values.Any(balance => balance < 0))
            {
                findings.Add(new Finding("negative-balance", shown) { Operations = [read] });
            }

            if (!balances.Keys.SequenceEqual(accounts.Order(StringComparer.Ordinal)))
            {
                findings.Add(new Finding("wrong-accounts", $"{shown}; the accounts are {string.Join(", ", accounts)}") { Operations = [read] });
            }
        }
    }

    private static void CheckAccounts(List<(Operation Operation, SortedDictionary<string, long> Balances)> reads, List<Transfer> transfers, BankOptions options, FindingList findings)
    {
        foreach (var (account, initial) in options.Initial)
        {
            var bounds = new DeltaBounds(initial, Deltas(account, transfers));
            foreach (var (read, balances) in reads)
            {
                var (lower, upper) = bounds.At(read.InvokedIndex, read.CompletedIndex);
                if (balances.TryGetValue(account, out var balance) && (balance < lower || balance > upper))
                {
                    findings.Add(new Finding("wrong-balance", $"p{read.Process} at index {read.InvokedIndex} read {account}={balance}, outside {lower}..{upper}: a transfer is missing, or applied twice")
                    {
                        Key = account,
                        Operations = [read],
                    });
                }
            }
        }
    }

    private static List<Delta> Deltas(string account, List<Transfer> transfers) =>
    [
        .. transfers
            .Where(transfer => transfer.Operation.MayTakeEffect && transfer.AmountFor(account) != 0)
            .Select(transfer => new Delta(transfer.AmountFor(account), transfer.Operation.InvokedIndex, transfer.Operation.CompletedIndex)),
    ];

    private static Transfer ReadTransfer(Operation operation)
    {
        using var document = JsonText.ParseValue(operation.Invocation);
        var value = document.RootElement;
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("from", out var from)
            || !value.TryGetProperty("to", out var to)
            || !value.TryGetProperty("amount", out var amount))
        {
            throw JsonText.Fault(operation.Invocation, "a transfer must have from, to and amount");
        }

        var at = operation.Invocation;
        return new Transfer(operation, JsonText.Name(at, from), JsonText.Name(at, to), JsonText.Integer(at, amount, "the amount"));
    }

    private static SortedDictionary<string, long> ReadBalances(HistoryEvent at)
    {
        using var document = JsonText.ParseValue(at);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw JsonText.Fault(at, "a read of balances must be an object");
        }

        var balances = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var account in document.RootElement.EnumerateObject())
        {
            balances.Add(account.Name, JsonText.Integer(at, account.Value, "a balance"));
        }

        return balances;
    }

    private sealed record Transfer(Operation Operation, string From, string To, long Amount)
    {
        public long AmountFor(string account) => (account == To ? Amount : 0) - (account == From ? Amount : 0);
    }
}
