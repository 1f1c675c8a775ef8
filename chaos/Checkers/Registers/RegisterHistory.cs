namespace KvRaft.Chaos.Checkers;

/// <summary>The operations of one key, ready for <see cref="RegisterSearch"/>.</summary>
internal sealed class RegisterHistory
{
    private RegisterHistory(IReadOnlyList<RegisterOperation> operations, RegisterValues values, int initial, bool appends)
    {
        Operations = operations;
        Values = values;
        Initial = initial;
        Appends = appends;
    }

    /// <summary>By invocation.</summary>
    public IReadOnlyList<RegisterOperation> Operations { get; }

    public RegisterValues Values { get; }

    public int Initial { get; }

    /// <summary>With text appends a state can arise that no operation names, so some shortcuts are off.</summary>
    public bool Appends { get; }

    /// <summary>Splits a history by key, in the order in which keys first appear, leaving out what tells nothing.</summary>
    /// <exception cref="HistoryFormatException">An operation is none of a register's.</exception>
    public static IReadOnlyList<(string Key, List<Operation> Operations)> PerKey(History history)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var keys = new List<(string Key, List<Operation> Operations)>();
        foreach (var operation in history.Operations)
        {
            if (!IsTelling(operation))
            {
                continue;
            }

            if (!places.TryGetValue(operation.Key!, out var place))
            {
                place = keys.Count;
                places.Add(operation.Key!, place);
                keys.Add((operation.Key!, []));
            }

            keys[place].Operations.Add(operation);
        }

        return keys;
    }

    /// <summary>Turns operations of one key (all telling, by invocation) into numbers.</summary>
    /// <param name="operations">What <see cref="PerKey"/> left of one key.</param>
    /// <param name="initialValue">The first state; <c>null</c> means absent.</param>
    /// <param name="nameAll">True keeps values apart that the search need not tell apart, for people.</param>
    public static RegisterHistory Compile(IReadOnlyList<Operation> operations, string? initialValue, bool nameAll = false)
    {
        var appends = operations.Any(operation => operation.Function == Functions.Append);
        var values = new RegisterValues(appends || nameAll);
        foreach (var operation in operations)
        {
            NameWhatMatters(operation, values);
        }

        var compiled = new List<RegisterOperation>(operations.Count);
        foreach (var operation in operations)
        {
            compiled.Add(Compile(operation, values));
            if (operation.Invocation.TtlNanoseconds is not null)
            {
                compiled.Add(Expiry(operation, values));
            }
        }

        DropUselessOpen(compiled, appends);
        SetClasses(compiled);
        return new RegisterHistory(compiled, values, values.Of(initialValue), appends);
    }

    private static bool IsTelling(Operation operation) => operation.Function switch
    {
        Functions.Get => operation.IsOk && operation.IsLinearizableLevel,
        Functions.CompareAndSet => operation.MayTakeEffect || operation.IsCompareMismatch,
        Functions.Put or Functions.Delete or Functions.Append => operation.MayTakeEffect,
        _ => throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no operation of a register"),
    };

    private static void NameWhatMatters(Operation operation, RegisterValues values)
    {
        switch (operation.Function)
        {
            case Functions.Get:
                values.Name(operation.Result.Content);
                break;
            case Functions.CompareAndSet:
                values.Name(operation.Invocation.Expected.Content);
                break;
            case Functions.Put when operation.Invocation.TtlNanoseconds is not null:
                values.Name(operation.Argument.Content);
                break;
        }
    }

    private static RegisterOperation Compile(Operation operation, RegisterValues values) => new()
    {
        Source = operation,
        Invoked = operation.InvokedIndex,
        Completed = operation.CompletedIndex,
        Effect = operation.Function switch
        {
            Functions.Get => RegisterEffect.Observe,
            Functions.CompareAndSet => operation.IsCompareMismatch ? RegisterEffect.ObserveOther : RegisterEffect.Swap,
            Functions.Append => RegisterEffect.Append,
            _ => RegisterEffect.Write,
        },
        Expected = operation.Function switch
        {
            Functions.Get => values.Of(operation.Result.Content),
            Functions.CompareAndSet => values.Of(operation.Invocation.Expected.Content),
            _ => RegisterValues.Absent,
        },
        Written = operation.Function switch
        {
            Functions.Put or Functions.CompareAndSet => values.Of(operation.Argument.Content),
            _ => RegisterValues.Absent,
        },
    };

    // Nothing is said here about when: an expiry that comes too early or too late is TtlChecker's business.
    private static RegisterOperation Expiry(Operation put, RegisterValues values) => new()
    {
        Source = put,
        Invoked = put.InvokedIndex,
        Completed = Operation.Never,
        Effect = RegisterEffect.Swap,
        Expected = values.Of(put.Argument.Content),
        Written = RegisterValues.Absent,
    };

    // An open operation is only ever spent to explain an answer. One whose state nobody saw can explain no answer, unless
    // it is that the state was another one.
    private static void DropUselessOpen(List<RegisterOperation> operations, bool appends)
    {
        if (appends || operations.Exists(operation => operation.Effect == RegisterEffect.ObserveOther))
        {
            return;
        }

        var needed = new HashSet<int>();
        foreach (var operation in operations)
        {
            if (operation.Effect is RegisterEffect.Observe or RegisterEffect.Swap)
            {
                needed.Add(operation.Expected);
            }
        }

        operations.RemoveAll(operation => operation.IsOpen && !needed.Contains(operation.Written));
    }

    private static void SetClasses(List<RegisterOperation> operations)
    {
        var next = 0;
        foreach (var alike in operations
            .Where(operation => operation.Effect is RegisterEffect.Write or RegisterEffect.Swap)
            .GroupBy(operation => (operation.Effect, operation.Expected, operation.Written))
            .Where(group => group.Skip(1).Any()))
        {
            foreach (var operation in alike)
            {
                operation.Class = next;
            }

            next++;
        }
    }
}
