namespace KvRaft.Simulation.Tests.Groups;

/// <summary>Messages under way: lost, doubled, late and out of order, by one seed.</summary>
internal sealed class Wire(Random chance, int nodes)
{
    private readonly List<Message> _underWay = [];
    private readonly bool[,] _isCut = new bool[nodes, nodes];

    /// <summary>Of a hundred messages so many are lost, and as many arrive twice.</summary>
    public int Trouble { get; set; }

    /// <summary>Of a hundred messages that arrive so many are not the oldest one.</summary>
    public int Disorder { get; init; } = 25;

    /// <summary>The node whose messages take longer than those of the others; null: none.</summary>
    public int? Late { get; set; }

    public void Send(Message message)
    {
        if (_isCut[message.From, message.To] || chance.Next(100) < Trouble)
        {
            return;
        }

        _underWay.Add(message);
        if (chance.Next(100) < Trouble)
        {
            _underWay.Add(message);
        }
    }

    /// <summary>Any of those under way; null: there is none. What is on a way that was cut meanwhile is lost.</summary>
    public Message? Take()
    {
        if (_underWay.Count == 0)
        {
            return null;
        }

        // Mostly the oldest: with every order equally likely hardly anything would ever be agreed on.
        var place = chance.Next(100) < Disorder ? chance.Next(_underWay.Count) : 0;
        var message = _underWay[place];
        if (message.From == Late && chance.Next(5) != 0)
        {
            return null;
        }

        _underWay.RemoveAt(place);
        return _isCut[message.From, message.To] ? null : message;
    }

    public void Cut(int from, int to) => _isCut[from, to] = true;

    public void Heal()
    {
        Array.Clear(_isCut);
        Late = null;
    }
}
