namespace KvRaft.Chaos.Checkers;

/// <summary>
/// A whole run as the control process observed it: operations in the order of invocation, and the marks of the nemesis. Immutable and thread-safe.
///
/// Everything in this project judges a history after the run. It reads no clock, draws no random number and touches no file: the same history always
/// gets the same verdict, so a violation can be reproduced by other people. The order of events is the order of <see cref="HistoryEvent.Index"/>;
/// times are used for bounds on time (expiry, availability) and for people. The conventions are those of Jepsen: an <c>info</c> may take effect later
/// or never, a <c>fail</c> certainly did not.
/// </summary>
public sealed class History
{
    private History(HistoryHeader header, IReadOnlyList<Operation> operations, IReadOnlyList<FaultMark> marks, long endNanoseconds)
    {
        Header = header;
        Operations = operations;
        Marks = marks;
        EndNanoseconds = endNanoseconds;
    }

    public HistoryHeader Header { get; }

    public IReadOnlyList<Operation> Operations { get; }

    public IReadOnlyList<FaultMark> Marks { get; }

    /// <summary>Time of the last event, in nanoseconds since the start of the run.</summary>
    public long EndNanoseconds { get; }

    /// <summary>Reads a whole history from the text of its file.</summary>
    /// <exception cref="HistoryFormatException">The text violates the format; the message names line and member.</exception>
    public static History Read(TextReader text)
    {
        var reader = new HistoryReader(text);
        return FromEvents(reader.ReadEvents(), () => reader.Header);
    }

    /// <exception cref="HistoryFormatException">The events violate the format.</exception>
    public static History FromEvents(IEnumerable<HistoryEvent> events, HistoryHeader? header = null) =>
        FromEvents(events, () => header);

    // The header of a file is known only after its first line was read, which happens with the first event.
    private static History FromEvents(IEnumerable<HistoryEvent> events, Func<HistoryHeader?> header)
    {
        ArgumentNullException.ThrowIfNull(events);
        var pairing = new OperationPairing();
        var marks = new List<FaultMark>();
        long end = 0;
        foreach (var next in events)
        {
            pairing.Add(next);
            end = next.TimeNanoseconds;
            if (next.IsNemesis && next.Value.Content is { } text)
            {
                marks.Add(FaultMark.Parse(next.Index, next.TimeNanoseconds, text));
            }
        }

        return new History(header() ?? new HistoryHeader(), pairing.Finish(), marks, end);
    }
}
