using KvRaft.Raft.Reads;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>A read that waits for the proof that its replica leads, and for what it must see to be applied.</summary>
internal sealed class ReadAttempt(string key, ReadPoint point, IReadOnlySet<int> voters)
{
    private readonly HashSet<int> _words = [];

    public string Key => key;

    public ReadPoint Point => point;

    /// <summary>A majority has said that it is in no later term.</summary>
    public bool IsProven { get; set; }

    /// <summary>It is known not to lead.</summary>
    public bool IsRefused { get; set; }

    /// <summary>What stands there, once <see cref="IsAnswered"/>; null: nothing.</summary>
    public string? Value { get; private set; }

    public bool IsAnswered { get; private set; }

    /// <summary>True: a majority of the voters has given its word.</summary>
    public bool Hear(int from)
    {
        _words.Add(from);
        return _words.Count(voters.Contains) > voters.Count / 2;
    }

    public void Answer(string? value) => (Value, IsAnswered) = (value, true);
}
