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
/// </list>
/// </summary>
internal sealed class RegisterSearch
{
    /// <summary>Slots of a mask: operations of one key that run at once, and useful open operations of one key.</summary>
    public const int SlotsMax = 128;

    // Measured on correct keys of 200 operations with 30 open writes: of 40 keys over 2, 5 or unique values all are decided
    // at this width within 300,000 steps; over 20 values 39 of 40 are.
    private const int NarrowWidthMax = 64;

    private readonly RegisterHistory _history;
    private readonly long _stepsMax;
    private readonly bool _looksAhead;
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
    private UInt128 _taken;
    private int _openSlots;
    private long _steps;
    private long _expansions;

    private RegisterSearch(RegisterHistory history, long stepsMax, bool looksAhead, int widthMax, long stepsSpent)
    {
        _history = history;
        _stepsMax = stepsMax;
        _widthMax = widthMax;
        _steps = stepsSpent;
        _looksAhead = looksAhead && !history.Appends;
        _current[0] = new Configuration(0, 0, history.Initial, false);
        _lastNeeded = new long[history.Values.Count];
        _writers = new int[history.Values.Count];
        _swapExpects = new bool[history.Values.Count];
        _classSeen = new long[history.Operations.Count];
        Survey();
    }

    /// <summary>Deterministic: the same history and budget give the same result.</summary>
    /// <param name="history">The operations of one key; one search at a time may use it.</param>
    /// <param name="stepsMax">The budget, in operations tried on configurations.</param>
    /// <param name="looksAhead">
    /// False switches rule 5 off: dearer, but then the culprit is the first completion that nothing explains, where with
    /// it a violation may be known before the operation that shows it to people has begun.
    /// </param>
    public static SearchResult Run(RegisterHistory history, long stepsMax, bool looksAhead = true) =>
        new RegisterSearch(history, stepsMax, looksAhead, int.MaxValue, stepsSpent: 0).Run();

    /// <summary>
    /// Looks for a linearization first among the thriftiest configurations only. Finding one is a proof; finding none says
    /// nothing, and the whole search follows. Where values are written more than once, as rule 5 cannot help there, this
    /// decides correct histories that the whole search could not afford.
    /// </summary>
    /// <inheritdoc cref="Run(RegisterHistory, long, bool)"/>
    public static SearchResult RunNarrowFirst(RegisterHistory history, long stepsMax)
    {
        var narrow = new RegisterSearch(history, stepsMax, looksAhead: true, NarrowWidthMax, stepsSpent: 0).Run();
        return narrow.Judgement == Judgement.Valid
            ? narrow
            : new RegisterSearch(history, stepsMax, looksAhead: true, int.MaxValue, narrow.Steps).Run();
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
            if (_steps > _stepsMax)
            {
                return new SearchResult(Judgement.Undecided, _steps, Reason: $"the budget of {_stepsMax} steps is spent");
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
            Reach(Absorb(configuration), completed, bit);
        }

        while (_next.Count < _widthMax && _pending.TryPop(out var configuration) && _steps <= _stepsMax)
        {
            Expand(configuration, completed, bit);
        }

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

            var reached = Absorb(Apply(before, operation));
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

    private Configuration Absorb(in Configuration before)
    {
        var done = before.Done;
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
