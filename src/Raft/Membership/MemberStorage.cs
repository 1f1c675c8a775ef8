using System.Buffers.Binary;
using System.Net;
using System.Text;
using DotNext.Buffers;
using DotNext.Buffers.Binary;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.AspNetCore.Connections;

namespace KvRaft.Raft.Membership;

/// <summary>
/// A replica's member list on disk, in DotNext's file: <c>i64 version | i32 count | count × (i32 length | UTF-8 URI)</c>, little-endian,
/// where the version is the log index of the configuration entry. Written before the replica's first start with the group's
/// first voters, later only from committed configuration entries.
/// </summary>
internal sealed class MemberStorage(string file) : PersistentClusterConfigurationStorage<EndPoint>(file)
{
    /// <summary>Far above the size of any group.</summary>
    private const int MembersMax = 64;

    /// <summary>A count far above the size of any group, so that damaged bytes are refused before memory is allocated.</summary>
    private const int UriBytesMax = 256;

    protected override IEqualityComparer<EndPoint> Comparer => ReplicaEndPointComparer.Instance;

    /// <summary>Writes the first member list, durably, unless one exists.</summary>
    public static void WriteFirst(string file, GroupId group, IReadOnlyList<GroupVoter> voters, IFileSystem files)
    {
        if (File.Exists(file))
        {
            return;
        }

        var content = new MemoryStream();
        Span<byte> number = stackalloc byte[8];
        number.Clear();
        content.Write(number);
        BinaryPrimitives.WriteInt32LittleEndian(number, voters.Count);
        content.Write(number[..4]);
        foreach (var voter in voters)
        {
            var uri = Encoding.UTF8.GetBytes(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(group, voter.Incarnation)).Uri.AbsoluteUri);
            BinaryPrimitives.WriteInt32LittleEndian(number, uri.Length);
            content.Write(number[..4]);
            content.Write(uri);
        }

        DurableFile.Write(file, content.ToArray(), files);
    }

    /// <summary>
    /// Returns whether these bytes are a member list as this class writes it, without the version. They arrive from another node with a checkpoint and are checked
    /// before any part of it is installed.
    /// </summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> configuration)
    {
        if (!TryTakeNumber(ref configuration, 0, MembersMax, out var count))
        {
            return false;
        }

        for (; count > 0; count--)
        {
            if (!TryTakeNumber(ref configuration, 1, UriBytesMax, out var length) || length > configuration.Length
                || !ReplicaEndPoint.TryParse(Encoding.UTF8.GetString(configuration[..length]), out _, out _))
            {
                return false;
            }

            configuration = configuration[length..];
        }

        return configuration.IsEmpty;
    }

    private static bool TryTakeNumber(ref ReadOnlySpan<byte> bytes, int min, int max, out int number)
    {
        number = 0;
        if (bytes.Length < sizeof(int))
        {
            return false;
        }

        number = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        bytes = bytes[sizeof(int)..];
        return number >= min && number <= max;
    }

    protected override void Encode(EndPoint address, ref BufferWriterSlim<byte> output)
    {
        var uri = Encoding.UTF8.GetBytes(((UriEndPoint)address).Uri.AbsoluteUri);
        output.WriteLittleEndian(uri.Length);
        output.Write(uri);
    }

    protected override EndPoint Decode(ref SequenceReader reader)
    {
        var length = reader.ReadLittleEndian<int>();
        Invariant.Holds(length is > 0 and <= UriBytesMax, $"A member has {length} bytes, which is out of range.");
        Span<byte> uri = stackalloc byte[length];
        reader.Read(uri);
        return ReplicaEndPoint.TryParse(Encoding.UTF8.GetString(uri), out var node, out var key)
            ? ReplicaEndPoint.Create(node, key)
            : throw new InvalidDataException($"'{Encoding.UTF8.GetString(uri)}' is not the name of a replica.");
    }
}
