namespace KvRaft.Simulation.Tests.Groups;

/// <summary>Messages in flight: lost, duplicated, delayed and reordered, by one seed.</summary>
internal sealed class Wire(Random chance, int nodes)
{
    private readonly List<Message> _underWay = [];
    private readonly bool[,] _isCut = new bool[nodes, nodes];

    /// <summary>The percentage of messages that are lost, and the percentage of messages that arrive twice.</summary>
    public int LossPercent { get; set; }

    /// <summary>The percentage of deliveries that do not take the oldest message.</summary>
    public int DisorderPercent { get; init; } = 25;

    /// <summary>The node whose messages take longer than those of the others; null: none.</summary>
    public int? SlowSender { get; set; }

    /// <summary>Raised for each message that a replica sends; false: it is lost at once.</summary>
    public event Action<Message, bool>? Sent;

    public void Send(Message message)
    {
        var isLost = _isCut[message.From, message.To] || chance.Next(100) < LossPercent;
        Sent?.Invoke(message, !isLost);
        if (isLost)
        {
            return;
        }

        _underWay.Add(message);
        if (chance.Next(100) < LossPercent)
        {
            _underWay.Add(message);
        }
    }

    /// <summary>Takes a message in flight; null: there is none, or it is lost because its link was cut meanwhile.</summary>
    public Message? Take()
    {
        if (_underWay.Count == 0)
        {
            return null;
        }

        // Mostly the oldest: if every order were equally likely, groups would make almost no progress.
        var place = chance.Next(100) < DisorderPercent ? chance.Next(_underWay.Count) : 0;
        var message = _underWay[place];
        if (message.From == SlowSender && chance.Next(5) != 0)
        {
            return null;
        }

        _underWay.RemoveAt(place);
        return _isCut[message.From, message.To] ? null : message;
    }

    /// <summary>Takes the oldest message in flight that a condition selects, also if its link was cut meanwhile; null: there is none.</summary>
    public Message? TakeOldest(Predicate<Message> isSelected)
    {
        var place = _underWay.FindIndex(isSelected);
        if (place < 0)
        {
            return null;
        }

        var message = _underWay[place];
        _underWay.RemoveAt(place);
        return message;
    }

    public bool IsCut(int from, int to) => _isCut[from, to];

    public void Cut(int from, int to) => _isCut[from, to] = true;

    public void Heal()
    {
        Array.Clear(_isCut);
        SlowSender = null;
    }
}
