using System.Buffers.Text;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>
/// The versions that a client has seen: for each shard, the highest version of the answers of that shard. A read with
/// <see cref="KvConsistency.AtLeast(KvSession)"/> sees at least these versions on any replica: its own writes, and never an older state than an
/// earlier read.
/// <para>
/// A client keeps one session of all its writes and reads (<see cref="KvClient.Session"/>). A session can be passed as text to another process, which
/// merges it into the session of its own client. Versions only grow, and each shard has its own sequence. Thread-safe.
/// </para>
/// </summary>
public sealed class KvSession
{
    private const int Format = 1;

    /// <summary>The prefix of the text, so that a text of another kind is refused.</summary>
    private const string Mark = "kvs1.";

    /// <summary>The maximum number of shards of a cluster.</summary>
    private const int ShardCountMax = 4096;

    private const int TextLengthMax = 128 * 1024;

    private readonly Lock _lock = new();
    private string _clusterId = "";

    /// <summary>By shard; 0: not seen. Replaced when it grows; its elements only grow.</summary>
    private long[] _versions = [];

    /// <summary>Parses a session.</summary>
    /// <exception cref="FormatException">The text is not a session, or a session of another version.</exception>
    public static KvSession Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Mark, StringComparison.Ordinal) || text.Length > TextLengthMax)
        {
            throw new FormatException($"This is not a session of this version; a session starts with '{Mark}' and has at most {TextLengthMax} characters.");
        }

        try
        {
            return Of(Session.Parser.ParseFrom(Base64Url.DecodeFromChars(text.AsSpan(Mark.Length))));
        }
        catch (Exception damaged) when (damaged is FormatException or InvalidProtocolBufferException)
        {
            throw new FormatException("The session is damaged.", damaged);
        }
    }

    /// <summary>Adds the versions of another session.</summary>
    /// <exception cref="ArgumentException">The other session belongs to another cluster.</exception>
    public void Merge(KvSession other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var seen = other.ToWire();
        lock (_lock)
        {
            if (_clusterId.Length > 0 && seen.ClusterId.Length > 0 && _clusterId != seen.ClusterId)
            {
                throw new ArgumentException($"The session is of cluster {seen.ClusterId}, this one of {_clusterId}.", nameof(other));
            }

            _clusterId = seen.ClusterId.Length > 0 ? seen.ClusterId : _clusterId;
            foreach (var shard in seen.Shards)
            {
                Raise(shard.Shard, shard.Version);
            }
        }
    }

    /// <summary>The session as text, for <see cref="Parse"/>.</summary>
    public override string ToString() => Mark + Base64Url.EncodeToString(ToWire().ToByteArray());

    internal Session ToWire()
    {
        lock (_lock)
        {
            var session = new Session { Format = Format, ClusterId = _clusterId };
            for (var shard = 0; shard < _versions.Length; shard++)
            {
                if (_versions[shard] > 0)
                {
                    session.Shards.Add(new ShardVersion { Shard = shard, Version = _versions[shard] });
                }
            }

            return session;
        }
    }

    /// <summary>Records the version of an answer.</summary>
    /// <param name="header">The header of the answer.</param>
    /// <param name="clusterId">The cluster that gave it; empty: not known to the client.</param>
    internal void Saw(ResponseHeader header, string clusterId)
    {
        if (header.ShardVersions.Count == 0 && IsSeen(header.Shard, header.ShardVersion) && (clusterId.Length == 0 || clusterId == _clusterId))
        {
            return;
        }

        lock (_lock)
        {
            if (clusterId.Length > 0 && clusterId != _clusterId)
            {
                // Versions of another cluster have no meaning in this one.
                _versions = _clusterId.Length > 0 ? [] : _versions;
                _clusterId = clusterId;
            }

            Raise(header.Shard, header.ShardVersion);
            foreach (var shard in header.ShardVersions)
            {
                Raise(shard.Shard, shard.Version);
            }
        }
    }

    private static KvSession Of(Session wire)
    {
        if (wire.Format != Format)
        {
            throw new FormatException($"Session format {wire.Format} is not supported.");
        }

        var session = new KvSession { _clusterId = wire.ClusterId };
        foreach (var shard in wire.Shards)
        {
            if (shard.Shard is < 0 or >= ShardCountMax || shard.Version < 1)
            {
                throw new FormatException("A shard or a version is out of bounds.");
            }

            session.Raise(shard.Shard, shard.Version);
        }

        return session;
    }

    private bool IsSeen(int shard, long version)
    {
        var versions = Volatile.Read(ref _versions);
        return (uint)shard < (uint)versions.Length && Volatile.Read(ref versions[shard]) >= version;
    }

    private void Raise(int shard, long version)
    {
        if (version < 1 || shard is < 0 or >= ShardCountMax)
        {
            return;
        }

        if (shard >= _versions.Length)
        {
            var larger = new long[Math.Min(ShardCountMax, Math.Max(shard + 1, 2 * _versions.Length))];
            _versions.CopyTo(larger, 0);
            Volatile.Write(ref _versions, larger);
        }

        if (version > _versions[shard])
        {
            Volatile.Write(ref _versions[shard], version);
        }
    }
}
