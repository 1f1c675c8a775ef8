namespace KvRaft.Chaos.Checkers;

/// <summary>The operations of one key, prepared for <see cref="RegisterSearch"/>.</summary>
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

    /// <summary>Ordered by invocation.</summary>
    public IReadOnlyList<RegisterOperation> Operations { get; }

    public RegisterValues Values { get; }

    public int Initial { get; }

    /// <summary>With text appends there can be states that no operation names, so some optimizations are disabled.</summary>
    public bool Appends => Texts is not null;

    /// <summary>Null: there are no appends.</summary>
    public AppendedTexts? Texts { get; }

    /// <summary>Refusals exclude states, so a state that no operation reads may still be relevant.</summary>
    public bool HasMismatches { get; }

    /// <summary>Splits a history by key, in the order of the first occurrence of keys, without irrelevant operations.</summary>
    /// <exception cref="HistoryFormatException">An operation is not an operation of a register.</exception>
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

    /// <summary>Converts the operations of one key (all relevant, by invocation) to numbers.</summary>
    /// <param name="operations">The operations of one key from <see cref="PerKey"/>.</param>
    /// <param name="initialValue">The first state; <c>null</c> means absent.</param>
    /// <param name="nameAll">True: distinguish values for people that the search need not distinguish.</param>
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
            // Its expiry expects the value.
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

    // The time is not checked here: TtlChecker reports an expiry that is too early or too late.
    private static RegisterOperation Expiry(Operation put, RegisterValues values) => new()
    {
        Source = put,
        Invoked = put.InvokedIndex,
        Completed = Operation.Never,
        Effect = RegisterEffect.Swap,
        Expected = values.Of(put.Argument.Content),
        Written = RegisterValues.Absent,
    };

    // An open operation is used only to explain an answer. If no operation saw its state, it can explain no answer, except that the state was a
    // different one.
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

    /// <summary>Records until when each text is expected. An open append whose text is never expected explains nothing and is removed.</summary>
    private static AppendedTexts NoteNeeds(List<RegisterOperation> operations, string? initialValue)
    {
        var written = operations.Where(static operation => !operation.Observes && operation.Source.Argument.IsText).Select(static operation => operation.Source.Argument.Content!);
        var texts = new AppendedTexts(written.Append(initialValue ?? ""));
        var appends = operations.Where(static operation => operation.Effect == RegisterEffect.Append).GroupBy(static operation => operation.Source.Argument.Content!, StringComparer.Ordinal)
            .ToDictionary(static alike => alike.Key, static alike => alike.ToList(), StringComparer.Ordinal);
        foreach (var empty in appends.GetValueOrDefault("") ?? [])
        {
            // It changes an absent key to an empty text and has no effect on any other state.
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
