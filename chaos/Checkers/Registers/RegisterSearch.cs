namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The search of <see cref="Linearizability"/> for one key.
///
/// <para>
/// The set of configurations is advanced along the completions. At the completion of X, a configuration in which X has taken effect is kept; from any
/// other configuration, sequences of running operations that end with X are tried. This is complete: in every linearization each operation can be
/// delayed until right before the next completion that needs it (Lowe 2017, section 5). The following rules are added:
/// </para>
/// <list type="number">
/// <item><b>Observations are absorbed at once.</b> A running operation that changes nothing and fits the state takes effect immediately: it needs
/// nothing later and removes nothing.</item>
/// <item><b>Fewer used open operations are better.</b> With the same done operations and the same state, every continuation needs only open
/// operations that the configuration with fewer used ones still has. The other configuration is dropped.</item>
/// <item><b>Unseen open writes are not overwritten.</b> If an open operation took effect, no operation observed it, and an unconditional write
/// follows, then without the open operation the state is the same.</item>
/// <item><b>Equal operations are ordered by deadline.</b> Of operations with the same effect, the one with the earliest deadline is tried first; in
/// any linearization two of them that are both running can be exchanged.</item>
/// <item><b>Needed values are kept.</b> A value that only one operation can write is not overwritten while a completed operation still has to see it.
/// Values are unique in the workloads, so almost every wrong choice ends here.</item>
/// <item><b>Appends that will not be seen are applied early.</b> In a state that cannot be seen any more, a running append whose text no later answer
/// contains takes effect at once. If it were applied later, no answer would lie between it and the next overwrite, and without it the answers are the
/// same. An open one is removed.</item>
/// <item><b>Appends that will be seen are kept.</b> If a text proves its writer (<see cref="AppendedTexts"/>) and a later read contains it, its
/// append is not applied to a state that cannot be seen, and a state that contains it is neither overwritten nor changed to one that cannot be seen:
/// the text could not reappear.</item>
/// <item><b>No read without a state.</b> If a completed read is pending and no overwrite is, a state that no read can see is a dead end.</item>
/// </list>
/// Rule 6 is disabled if a refusal excludes a state: a state that no operation reads may explain it.
/// </summary>
internal sealed class RegisterSearch
{
    /// <summary>Slots of a mask: concurrent operations of one key, and useful open operations of one key.</summary>
    public const int SlotsMax = 128;

    // Measured on correct keys of 200 operations with 30 open writes: of 40 keys over 2, 5 or unique values all are decided at this width within
    // 300,000 steps; over 20 values 39 of 40 are.
    private const int NarrowWidthMax = 64;

    private readonly RegisterHistory _history;
    private readonly SearchBudget _budget;
    private readonly bool _looksAhead;

    /// <summary>Rules 7 and 8.</summary>
    private readonly bool _looksAheadOfAppends;

    /// <summary>Rule 6.</summary>
    private readonly bool _buries;
    private readonly int _widthMax;
    private readonly List<RegisterOperation> _observations = [];

    // Running and open operations that change the state, by deadline, so that the first of a class is tried first.
    private readonly List<RegisterOperation> _updates = [];
    private readonly List<Configuration> _current = [new Configuration(0, 0, 0, false)];
    private readonly ConfigurationSet _next = new();
    private readonly ConfigurationSet _visited = new();
    private readonly Stack<Configuration> _pending = new();
    private readonly long[] _lastNeeded;
    private readonly int[] _writers;
    private readonly long[] _classSeen;
    private readonly bool[] _swapExpects;

    // For each state, computed on demand: until when its texts are needed, and whether one of them proves its writer.
    private readonly List<(bool IsKnown, bool Proves, long NeededAfter)> _needs = [];
    private long _lastRead;
    private long _lastOverwrite;
    private UInt128 _taken;
    private int _openSlots;
    private long _steps;
    private long _expansions;

    /// <summary>The exhausted limit; null: none.</summary>
    private string? _spent;

    private RegisterSearch(RegisterHistory history, SearchBudget budget, bool looksAhead, int widthMax, long stepsSpent)
    {
        _history = history;
        _budget = budget;
        _widthMax = widthMax;
        _steps = stepsSpent;
        _looksAhead = looksAhead && !history.Appends;
        _looksAheadOfAppends = looksAhead && history.Appends;
        _buries = history is { Appends: true, HasMismatches: false };
        _current[0] = new Configuration(0, 0, history.Initial, false);
        _lastNeeded = new long[history.Values.Count];
        _writers = new int[history.Values.Count];
        _swapExpects = new bool[history.Values.Count];
        _classSeen = new long[history.Operations.Count];
        Survey();
    }

    /// <summary>Deterministic: the same history and budget give the same result.</summary>
    /// <param name="history">The operations of one key; only one search at a time may use it.</param>
    /// <param name="budget">The limits of the search.</param>
    /// <param name="looksAhead">
    /// False disables rule 5: the search is more expensive, but the culprit is then the first completion without an explanation. With rule 5, a
    /// violation may be found before the operation that makes it visible to people has started.
    /// </param>
    public static SearchResult Run(RegisterHistory history, SearchBudget budget, bool looksAhead = true) =>
        new RegisterSearch(history, budget, looksAhead, int.MaxValue, stepsSpent: 0).Run();

    /// <summary>
    /// Searches for a linearization first only among the configurations with the fewest used open operations. A result is a proof; without a result
    /// the complete search follows. If values are written more than once, rule 5 is not effective, and this search decides correct histories that the
    /// complete search cannot decide within its budget.
    /// </summary>
    /// <inheritdoc cref="Run(RegisterHistory, SearchBudget, bool)"/>
    public static SearchResult RunNarrowFirst(RegisterHistory history, SearchBudget budget)
    {
        var narrow = new RegisterSearch(history, budget, looksAhead: true, NarrowWidthMax, stepsSpent: 0).Run();
        return narrow.Judgement == Judgement.Valid
            ? narrow
            : new RegisterSearch(history, budget, looksAhead: true, int.MaxValue, narrow.Steps).Run();
    }

    private SearchResult Run()
    {
        foreach (var (operation, completes) in Timeline())
        {
            if (!completes)
            {
                if (!Begin(operation))
                {
                    return new SearchResult(Judgement.Undecided, _steps, Reason: $"more than {SlotsMax} operations at once");
                }

                continue;
            }

            Complete(operation);
            if (_spent is not null)
            {
                return new SearchResult(Judgement.Undecided, _steps, Reason: _spent);
            }

            if (_next.Count == 0)
            {
                return new SearchResult(Judgement.Violation, _steps, operation, StatesOf(_current));
            }

            _next.CopyTo(_current);
            Narrow();
        }

        return new SearchResult(Judgement.Valid, _steps);
    }

    private void Narrow()
    {
        if (_current.Count > _widthMax)
        {
            var thriftiest = _current.OrderBy(configuration => UInt128.PopCount(configuration.Used)).Take(_widthMax).ToList();
            _current.Clear();
            _current.AddRange(thriftiest);
        }
    }

    private List<(RegisterOperation Operation, bool Completes)> Timeline()
    {
        var events = new List<(long Index, RegisterOperation Operation, bool Completes)>();
        foreach (var operation in _history.Operations)
        {
            events.Add((operation.Invoked, operation, false));
            if (!operation.IsOpen)
            {
                events.Add((operation.Completed, operation, true));
            }
        }

        // Only a put and its expiry share an index, and two starts may come in either order; the sort is stable.
        return [.. events.OrderBy(item => item.Index).Select(item => (item.Operation, item.Completes))];
    }

    private void Survey()
    {
        _writers[_history.Initial]++;
        foreach (var operation in _history.Operations)
        {
            if (!operation.Observes && operation.Effect != RegisterEffect.Append)
            {
                _writers[operation.Written]++;
            }

            if (operation.Effect == RegisterEffect.Swap)
            {
                _swapExpects[operation.Expected] = true;
            }

            if (operation.Effect is RegisterEffect.Write or RegisterEffect.Swap)
            {
                _lastOverwrite = Math.Max(_lastOverwrite, operation.Invoked);
            }

            if (operation.Effect == RegisterEffect.Observe)
            {
                _lastRead = Math.Max(_lastRead, operation.Invoked);
            }

            if (operation.Effect is RegisterEffect.Observe or RegisterEffect.Swap && !operation.IsOpen)
            {
                _lastNeeded[operation.Expected] = Math.Max(_lastNeeded[operation.Expected], operation.Invoked);
            }
        }
    }

    private bool Begin(RegisterOperation operation)
    {
        var slot = operation.IsOpen ? _openSlots++ : (int)UInt128.TrailingZeroCount(~_taken);
        if (slot >= SlotsMax)
        {
            return false;
        }

        operation.Bit = UInt128.One << slot;
        if (!operation.IsOpen)
        {
            _taken |= operation.Bit;
        }

        if (operation.Observes)
        {
            _observations.Add(operation);
        }
        else
        {
            var place = _updates.FindIndex(other => other.Completed > operation.Completed);
            _updates.Insert(place < 0 ? _updates.Count : place, operation);
        }

        return true;
    }

    private void Complete(RegisterOperation completed)
    {
        _next.Clear();
        _visited.Clear();
        _steps += _current.Count;
        var bit = completed.Bit;
        foreach (var configuration in _current)
        {
            Reach(Absorb(configuration, completed.Completed), completed, bit);
        }

        while (_next.Count < _widthMax && _pending.TryPop(out var configuration) && _spent is null)
        {
            Expand(configuration, completed, bit);
            _spent = _budget.WhatIsSpent(_steps, _expansions, _visited.Count + _next.Count);
        }

        // Checked even if no configuration was expanded: a long history takes steps too.
        _spent ??= _budget.WhatIsSpent(_steps, _expansions, 0);
        _pending.Clear();
        _taken &= ~bit;
        (completed.Observes ? _observations : _updates).Remove(completed);
    }

    /// <summary>A configuration that explains the completion is a result; any other is expanded further.</summary>
    private void Reach(in Configuration configuration, RegisterOperation completed, UInt128 bit)
    {
        if ((configuration.Done & bit) != 0)
        {
            _next.Add(configuration with { Done = configuration.Done & ~bit });
        }
        else if (_visited.Add(configuration))
        {
            _pending.Push(configuration);
        }
    }

    private void Expand(in Configuration before, RegisterOperation completed, UInt128 bit)
    {
        _expansions++;
        foreach (var operation in _updates)
        {
            if (IsSpent(before, operation) || IsBehindItsClass(operation))
            {
                continue;
            }

            _steps++;
            if (!Fits(before, operation) || LeavesForGood(before, operation, completed.Completed))
            {
                continue;
            }

            var applied = Apply(before, operation);
            if (_history.Appends && LeadsNowhere(before, applied, operation, completed.Completed))
            {
                continue;
            }

            var reached = Absorb(applied, completed.Completed);
            if (!reached.Unseen || MayBeSeen(reached.State))
            {
                Reach(reached, completed, bit);
            }
        }
    }

    private bool IsSpent(in Configuration before, RegisterOperation operation) =>
        ((operation.IsOpen ? before.Used : before.Done) & operation.Bit) != 0;

    private bool IsBehindItsClass(RegisterOperation operation)
    {
        if (operation.Class < 0)
        {
            return false;
        }

        var seen = _classSeen[operation.Class] == _expansions;
        _classSeen[operation.Class] = _expansions;
        return seen;
    }

    private static bool Fits(in Configuration before, RegisterOperation operation) => operation.Effect switch
    {
        RegisterEffect.Swap => before.State == operation.Expected,
        RegisterEffect.Write => !before.Unseen,
        _ => true,
    };

    private bool LeavesForGood(in Configuration before, RegisterOperation operation, long now)
    {
        if (!_looksAhead || operation.Written == before.State || _writers[before.State] > 1)
        {
            return false;
        }

        if (_lastNeeded[before.State] > now)
        {
            return true;
        }

        foreach (var other in _observations)
        {
            if (other.Needs(before.State) && !IsSpent(before, other))
            {
                return true;
            }
        }

        foreach (var other in _updates)
        {
            if (other.IsOpen)
            {
                break;
            }

            if (other != operation && other.Needs(before.State) && !IsSpent(before, other))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Rules 6 (for open appends), 7 and 8.</summary>
    private bool LeadsNowhere(in Configuration before, in Configuration applied, RegisterOperation operation, long now)
    {
        if (operation.Effect == RegisterEffect.Append && applied.State != RegisterValues.Unnamed)
        {
            return false;
        }

        if (_buries && operation is { Effect: RegisterEffect.Append, IsOpen: true })
        {
            return true;
        }

        return _looksAheadOfAppends
            && (LosesWhatIsNeeded(before, now)
                || (operation.Effect == RegisterEffect.Append && (WillBeSeen(applied, operation.Source.Argument.Content!, now) || HasReadAndNoWayBack(applied, now))));
    }

    /// <summary>True if a completed read, later or running, certainly sees the text of this append.</summary>
    private bool WillBeSeen(in Configuration applied, string text, long now)
    {
        if (_history.Texts!.NeededAfter(text) > now)
        {
            return true;
        }

        foreach (var observation in _observations)
        {
            if (observation.Effect == RegisterEffect.Observe && !IsSpent(applied, observation) && _history.Texts.IsProof(text)
                && _history.Texts.PartsOf(_history.Values.TextOf(observation.Expected)).Contains(text, StringComparer.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True if a completed read, later or running, certainly sees a text of the previous state.</summary>
    private bool LosesWhatIsNeeded(in Configuration before, long now)
    {
        if (before.State is RegisterValues.Unnamed or RegisterValues.Absent)
        {
            return false;
        }

        var (_, proves, neededAfter) = NeedsOf(before.State);
        if (neededAfter > now)
        {
            return true;
        }

        if (!proves)
        {
            return false;
        }

        // A read that saw one of the texts saw all of the state, which starts with it.
        var text = _history.Values.TextOf(before.State);
        foreach (var observation in _observations)
        {
            if (observation.Effect == RegisterEffect.Observe && !IsSpent(before, observation) && _history.Texts!.BeginsWith(_history.Values.TextOf(observation.Expected), text))
            {
                return true;
            }
        }

        return false;
    }

    private (bool IsKnown, bool Proves, long NeededAfter) NeedsOf(int state)
    {
        while (_needs.Count <= state)
        {
            _needs.Add(default);
        }

        if (!_needs[state].IsKnown)
        {
            var parts = _history.Texts!.PartsOf(_history.Values.TextOf(state)).ToList();
            _needs[state] = (true, parts.Exists(_history.Texts.IsProof), parts.Select(_history.Texts.NeededAfter).DefaultIfEmpty().Max());
        }

        return _needs[state];
    }

    private bool HasReadAndNoWayBack(in Configuration applied, long now)
    {
        if (_lastRead <= now || _lastOverwrite > now)
        {
            return false;
        }

        foreach (var other in _updates)
        {
            if (other.Effect != RegisterEffect.Append && !IsSpent(applied, other))
            {
                return false;
            }
        }

        return true;
    }

    private bool MayBeSeen(int state) => _history.Appends || _swapExpects[state];

    private Configuration Apply(in Configuration before, RegisterOperation operation)
    {
        var state = operation.Effect == RegisterEffect.Append
            ? _history.Values.Append(before.State, operation.Source.Argument.Content!)
            : operation.Written;
        return operation.IsOpen
            ? new Configuration(before.Done, before.Used | operation.Bit, state, true)
            : new Configuration(before.Done | operation.Bit, before.Used, state, false);
    }

    private Configuration Absorb(in Configuration before, long now)
    {
        var done = before.Done;
        if (_buries && before.State == RegisterValues.Unnamed)
        {
            foreach (var update in _updates)
            {
                if (update.IsOpen)
                {
                    break;
                }

                // Strictly less: the completing operation may be the read that needs it.
                if (update.Effect == RegisterEffect.Append && update.MayBeNeededUntil < now)
                {
                    done |= update.Bit;
                }
            }
        }

        foreach (var observation in _observations)
        {
            if ((before.State == observation.Expected) == (observation.Effect == RegisterEffect.Observe))
            {
                done |= observation.Bit;
            }
        }

        return done == before.Done ? before : before with { Done = done, Unseen = false };
    }

    private string[] StatesOf(List<Configuration> configurations) =>
        [.. configurations.Select(configuration => configuration.State).Distinct().Select(_history.Values.Describe)];
}
