using System.IO.Hashing;
using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>What is true of every Raft group, held against what all replicas did in all their lives.</summary>
internal sealed class GroupRecord
{
    private readonly Dictionary<long, int> _leaders = [];
    private readonly List<(long Term, ulong Hash)> _committed = [];
    private readonly List<ReadAttempt> _rounds = [];

    /// <summary>Does a replica, also one that is down, hold this entry on its disk? Null: commits are not proven, and what a minority holds must be found otherwise.</summary>
    public Func<int, LogPosition, bool>? IsHeld { get; set; }

    /// <summary>Rounds in which a follower was sent a part of what it lacked.</summary>
    public int PartialRounds { get; set; }

    /// <summary>What was found wrong first; null: nothing.</summary>
    public string? Fault { get; private set; }

    public int Elections => _leaders.Count;

    /// <summary>The name of a round of questions for this read.</summary>
    public long NextRound(ReadAttempt read)
    {
        _rounds.Add(read);
        return _rounds.Count - 1;
    }

    public ReadAttempt ReadOf(long round) => _rounds[(int)round];

    public void Elected(long term, int replica)
    {
        if (!_leaders.TryAdd(term, replica) && _leaders[term] != replica)
        {
            Fault ??= $"term {term} has two leaders, {_leaders[term]} and {replica}";
        }
    }

    /// <summary>A leader committed this entry by a round with these voters.</summary>
    public void Committed(int replica, LogPosition position, IReadOnlySet<int> voters)
    {
        if (IsHeld is { } isHeld && voters.Count(voter => isHeld(voter, position)) is var count && count <= voters.Count / 2)
        {
            Fault ??= $"{replica} committed {position}, which {count} of the voters {string.Join(",", voters.Order())} hold";
        }
    }

    public void Failed(Exception error) => Fault ??= error.ToString();

    /// <summary>A replica applied this entry: nobody ever applied another one there.</summary>
    public void Applied(int replica, LogEntry entry)
    {
        var mark = (entry.Term, XxHash3.HashToUInt64(entry.Payload.Span));
        if (entry.Index == _committed.Count + 1)
        {
            _committed.Add(mark);
        }
        else if (entry.Index > _committed.Count)
        {
            Fault ??= $"{replica} applied entry {entry.Index}, and nobody the one before it";
        }
        else if (_committed[(int)entry.Index - 1] != mark)
        {
            Fault ??= $"{replica} applied an entry {entry.Index} of term {entry.Term} where one of term {_committed[(int)entry.Index - 1].Term} was applied";
        }
    }
}
