using System.IO.Hashing;
using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The invariants of every Raft group, checked against the actions of all replicas in all their lives.</summary>
internal sealed class GroupRecord
{
    private readonly Dictionary<long, int> _leaders = [];
    private readonly List<(long Term, ulong Hash)> _committed = [];
    private readonly List<ReadAttempt> _rounds = [];

    /// <summary>Returns whether a replica, running or not, holds an entry on its disk. Null: commits are not checked, and a commit on a minority is found only by its consequences.</summary>
    public Func<int, LogPosition, bool>? IsHeld { get; set; }

    /// <summary>Rounds in which a leader sent a follower only a part of the entries that it lacked.</summary>
    public int PartialRounds { get; set; }

    /// <summary>The first violation; null: none.</summary>
    public string? Fault { get; private set; }

    public int Elections => _leaders.Count;

    /// <summary>Registers a read and returns the number of its quorum confirmation.</summary>
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

    /// <summary>A leader committed this entry in a round with these voters.</summary>
    public void Committed(int replica, LogPosition position, IReadOnlySet<int> voters)
    {
        if (IsHeld is { } isHeld && voters.Count(voter => isHeld(voter, position)) is var count && count <= voters.Count / 2)
        {
            Fault ??= $"{replica} committed {position}, which {count} of the voters {string.Join(",", voters.Order())} hold";
        }
    }

    public void Failed(Exception error) => Fault ??= error.ToString();

    /// <summary>A replica applied this entry. No replica may have applied another entry at its index.</summary>
    public void Applied(int replica, LogEntry entry)
    {
        var mark = (entry.Term, XxHash3.HashToUInt64(entry.Payload.Span));
        if (entry.Index == _committed.Count + 1)
        {
            _committed.Add(mark);
        }
        else if (entry.Index > _committed.Count)
        {
            Fault ??= $"{replica} applied entry {entry.Index}, and no replica has applied the entry before it";
        }
        else if (_committed[(int)entry.Index - 1] != mark)
        {
            Fault ??= $"{replica} applied an entry {entry.Index} of term {entry.Term} where one of term {_committed[(int)entry.Index - 1].Term} was applied";
        }
    }
}
