using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>Converts <c>txn</c> operations to transactions, with strict checks.</summary>
internal static class TransactionReader
{
    /// <exception cref="HistoryFormatException">A value is not the value of a transaction, or an element is appended twice.</exception>
    public static List<Transaction> Read(History history)
    {
        var transactions = new List<Transaction>();
        foreach (var operation in history.Operations)
        {
            if (operation.Function != Functions.Transaction)
            {
                throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no transaction");
            }

            var asked = Steps(operation.Invocation, answered: false);
            var steps = asked;
            if (operation.IsOk)
            {
                steps = Steps(operation.Completion!, answered: true);
                CheckSame(operation.Completion!, asked, steps);
            }

            transactions.Add(new Transaction(transactions.Count, operation, steps));
        }

        CheckUnique(transactions);
        return transactions;
    }

    /// <summary>The steps as text, with the results of the reads if the transaction was answered.</summary>
    /// <exception cref="HistoryFormatException">The value is not the value of a transaction.</exception>
    public static string Describe(Operation operation) =>
        string.Join(", ", Steps(operation.IsOk ? operation.Completion! : operation.Invocation, operation.IsOk));

    private static List<TransactionStep> Steps(HistoryEvent at, bool answered)
    {
        using var document = JsonText.ParseValue(at);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw JsonText.Fault(at, "must be an array of steps");
        }

        return [.. document.RootElement.EnumerateArray().Select(step => Step(at, step, answered))];
    }

    private static TransactionStep Step(HistoryEvent at, JsonElement step, bool answered)
    {
        if (step.ValueKind != JsonValueKind.Array || step.GetArrayLength() != 3 || step[0].ValueKind != JsonValueKind.String)
        {
            throw JsonText.Fault(at, "a step must be [function, key, value]");
        }

        var key = JsonText.Name(at, step[1]);
        return step[0].GetString() switch
        {
            "append" => new AppendStep(key, JsonText.Element(at, step[2])),
            "r" => new ReadStep(key, answered ? JsonText.Elements(at, step[2]) : null),
            var other => throw JsonText.Fault(at, $"\"{other}\" is no step of a transaction"),
        };
    }

    private static void CheckSame(HistoryEvent at, List<TransactionStep> asked, List<TransactionStep> answered)
    {
        var same = asked.Count == answered.Count && asked.Zip(answered).All(pair => pair switch
        {
            (AppendStep first, AppendStep second) => first == second,
            (ReadStep first, ReadStep second) => first.Key == second.Key,
            _ => false,
        });
        if (!same)
        {
            throw JsonText.Fault(at, "differs from the steps of the invocation");
        }
    }

    // Only unique elements identify the writer of a read element; without them no dependency could be inferred.
    private static void CheckUnique(List<Transaction> transactions)
    {
        var seen = new HashSet<(string Key, string Element)>();
        foreach (var transaction in transactions)
        {
            foreach (var append in transaction.Appends)
            {
                if (!seen.Add((append.Key, append.Element)))
                {
                    throw JsonText.Fault(transaction.Source.Invocation, $"{append} was asked for before: elements must be unique for a key");
                }
            }
        }
    }
}
