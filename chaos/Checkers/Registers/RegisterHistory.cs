namespace KvRaft.Chaos.Checkers;

/// <summary>The operations of one key, ready for <see cref="RegisterSearch"/>.</summary>
internal sealed class RegisterHistory
{
    private RegisterHistory(IReadOnlyList<RegisterOperation> operations, RegisterValues values, int initial, AppendedTexts? texts)
    {
        Operations = operations;
        Values = values;
        Initial = initial;
        Texts = texts;
        HasMismatches = operations.Any(static operation => operation.Effect == RegisterEffect.ObserveOther);
    }

    /// <summary>By invocation.</summary>
    public IReadOnlyList<RegisterOperation> Operations { get; }

    public RegisterValues Values { get; }

    public int Initial { get; }

    /// <summary>With text appends a state can arise that no operation names, so some shortcuts are off.</summary>
    public bool Appends => Texts is not null;

    /// <summary>Null: nothing is appended.</summary>
    public AppendedTexts? Texts { get; }

    /// <summary>Refusals say what the state was not, so a state that nobody reads may still matter.</summary>
    public bool HasMismatches { get; }

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
        var values = new RegisterValues(appends, nameAll);
        foreach (var operation in operations)
        {
            NameWhatMatters(operation, values);
        }

        var compiled = new List<RegisterOperation>(operations.Count);
        foreach (var operation in operations)
        {
            compiled.Add(Compile(operation, values));
            if (operation.Invocation.TtlNanoseconds is not null && !operation.IsCompareMismatch)
            {
                compiled.Add(Expiry(operation, values));
            }
        }

        DropUselessOpen(compiled, appends);
        SetClasses(compiled);
        return new RegisterHistory(compiled, values, values.Of(initialValue), appends ? NoteNeeds(compiled, initialValue) : null);
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
        }

        if (operation.Invocation.TtlNanoseconds is not null && !operation.IsCompareMismatch)
        {
            // Its expiry asks for it.
            values.Name(operation.Argument.Content);
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

    /// <summary>Notes until when each text is asked for. An open one for which nobody asks explains nothing and leaves.</summary>
    private static AppendedTexts NoteNeeds(List<RegisterOperation> operations, string? initialValue)
    {
        var written = operations.Where(static operation => !operation.Observes && operation.Source.Argument.IsText).Select(static operation => operation.Source.Argument.Content!);
        var texts = new AppendedTexts(written.Append(initialValue ?? ""));
        var appends = operations.Where(static operation => operation.Effect == RegisterEffect.Append).GroupBy(static operation => operation.Source.Argument.Content!, StringComparer.Ordinal)
            .ToDictionary(static alike => alike.Key, static alike => alike.ToList(), StringComparer.Ordinal);
        foreach (var empty in appends.GetValueOrDefault("") ?? [])
        {
            // It turns an absent key into an empty text and leaves no trace in any other.
            empty.MayBeNeededUntil = Operation.Never;
        }

        foreach (var asking in operations.Where(static operation => operation.Effect is RegisterEffect.Observe or RegisterEffect.Swap))
        {
            var asked = asking.AskedText ?? "";
            var parts = texts.IsFramed ? texts.PartsOf(asked).Distinct(StringComparer.Ordinal) : appends.Keys.Where(text => asked.Contains(text, StringComparison.Ordinal));
            foreach (var text in parts)
            {
                foreach (var append in appends.GetValueOrDefault(text) ?? [])
                {
                    append.MayBeNeededUntil = Math.Max(append.MayBeNeededUntil, asking.Completed);
                }

                if (!asking.IsOpen)
                {
                    texts.NoteNeed(text, asking.Invoked);
                }
            }
        }

        if (!operations.Exists(static operation => operation.Effect == RegisterEffect.ObserveOther))
        {
            operations.RemoveAll(static operation => operation is { Effect: RegisterEffect.Append, IsOpen: true, MayBeNeededUntil: 0 });
        }

        return texts;
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
