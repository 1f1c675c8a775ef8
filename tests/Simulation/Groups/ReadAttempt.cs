using KvRaft.Raft.Reads;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>A read that waits for its quorum confirmation, and until its read index is applied.</summary>
internal sealed class ReadAttempt(string key, ReadPoint point, IReadOnlySet<int> voters)
{
    private readonly HashSet<int> _confirmed = [];

    public string Key => key;

    public ReadPoint Point => point;

    /// <summary>A majority has confirmed that it has seen no higher term.</summary>
    public bool IsConfirmed { get; set; }

    /// <summary>The replica does not lead in the term of the read.</summary>
    public bool IsRefused { get; set; }

    /// <summary>The value of the key if <see cref="IsAnswered"/>; null: the key is absent.</summary>
    public string? Value { get; private set; }

    public bool IsAnswered { get; private set; }

    /// <summary>Adds the confirmation of one voter. True: a majority of the voters has confirmed.</summary>
    public bool Confirm(int from)
    {
        _confirmed.Add(from);
        return _confirmed.Count(voters.Contains) > voters.Count / 2;
    }

    public void Answer(string? value) => (Value, IsAnswered) = (value, true);
}
