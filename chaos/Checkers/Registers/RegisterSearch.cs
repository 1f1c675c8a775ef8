namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The search of <see cref="Linearizability"/> for one key.
///
/// <para>The set of configurations is moved along the completions. At the completion of X, a configuration in which X has
/// taken effect stays; from any other, sequences of running operations that end with X are tried. That loses nothing: in
/// every linearization each operation can be delayed until right before the next completion that needs it (Lowe 2017,
/// section 5). On top of that:</para>
/// <list type="number">
/// <item><b>Observations are absorbed at once.</b> A running operation that changes nothing and fits the state takes effect
/// now: it asks for nothing later and takes nothing away.</item>
/// <item><b>Fewer open operations spent is better.</b> With the same duties and state, whatever follows needs only open
/// operations that the thriftier configuration still has. The other one is dropped.</item>
/// <item><b>Unseen open writes are not overwritten.</b> If an open operation took effect, nobody observed it, and a write
/// that looks at nothing follows, leaving the open operation out leads to the same state.</item>
/// <item><b>Alike operations go by deadline.</b> Of operations with the same effect the one that must end first goes first;
/// in any linearization two of them that are both running can change places so.</item>
/// <item><b>No way back.</b> A value that only one operation can bring about is not left while a completed operation still
/// has to see it. Values are unique in our workloads, so nearly every wrong guess ends here.</item>
/// <item><b>Appends nobody will see are buried.</b> On a state that nobody can see any more, a running append whose text no later answer contains takes effect
/// at once. Were it done later, no answer would lie between it and the next overwriting, and without it the same answers come out. An open one is left out.</item>
/// <item><b>Appends that will be seen are kept.</b> Where a text proves its writer (<see cref="AppendedTexts"/>) and a later read contains it, its
/// append does not go onto a state that nobody can see, and a state that contains it is neither overwritten nor made one that nobody can see: the text could not
/// come back.</item>
/// <item><b>No read without a state.</b> While a completed read is to come and nothing overwrites, a state that no read can see leads nowhere.</item>
/// </list>
/// Rule 6 is off where a refusal says what the state was not: a state that nobody reads may explain it.
/// </summary>
internal sealed class RegisterSearch
{
    /// <summary>Slots of a mask: operations of one key that run at once, and useful open operations of one key.</summary>
    public const int SlotsMax = 128;

    // Measured on correct keys of 200 operations with 30 open writes: of 40 keys over 2, 5 or unique values all are decided
    // at this width within 300,000 steps; over 20 values 39 of 40 are.
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

    // Running and open operations that change the state, by deadline, so that the first of a class is the one to try.
    private readonly List<RegisterOperation> _updates = [];
    private readonly List<Configuration> _current = [new Configuration(0, 0, 0, false)];
    private readonly ConfigurationSet _next = new();
    private readonly ConfigurationSet _visited = new();
    private readonly Stack<Configuration> _pending = new();
    private readonly long[] _lastNeeded;
    private readonly int[] _writers;
    private readonly long[] _classSeen;
    private readonly bool[] _swapExpects;

    // Of each state, as far as they were asked for: until when its texts are needed, and whether one of them proves its writer.
    private readonly List<(bool IsKnown, bool Proves, long NeededAfter)> _needs = [];
    private long _lastRead;
    private long _lastOverwrite;
    private UInt128 _taken;
    private int _openSlots;
    private long _steps;
    private long _expansions;

    /// <summary>What ran out; null: nothing yet.</summary>
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
    /// <param name="history">The operations of one key; one search at a time may use it.</param>
    /// <param name="budget">What it may cost.</param>
    /// <param name="looksAhead">
    /// False switches rule 5 off: dearer, but then the culprit is the first completion that nothing explains, where with
    /// it a violation may be known before the operation that shows it to people has begun.
    /// </param>
    public static SearchResult Run(RegisterHistory history, SearchBudget budget, bool looksAhead = true) =>
        new RegisterSearch(history, budget, looksAhead, int.MaxValue, stepsSpent: 0).Run();

    /// <summary>
    /// Looks for a linearization first among the thriftiest configurations only. Finding one is a proof; finding none says
    /// nothing, and the whole search follows. Where values are written more than once, as rule 5 cannot help there, this
    /// decides correct histories that the whole search could not afford.
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

        // Only a put and its expiry share an index, and two beginnings may come in either order; the sort is stable anyway.
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

        // Also where nothing had to be expanded: a long history is steps too.
        _spent ??= _budget.WhatIsSpent(_steps, _expansions, 0);
        _pending.Clear();
        _taken &= ~bit;
        (completed.Observes ? _observations : _updates).Remove(completed);
    }

    /// <summary>A configuration that explains the completion is a result; any other is a place to go on before.</summary>
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

    /// <summary>Rules 6 (of open appends), 7 and 8.</summary>
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

    /// <summary>True when a completed read, later or running, certainly sees what this append wrote.</summary>
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

    /// <summary>True when a completed read, later or running, certainly sees a text of the state that is left.</summary>
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

        // A read that saw one of the texts saw all of the state, which begins with it.
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

                // Strictly: what completes now may be the very read that needs it.
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
