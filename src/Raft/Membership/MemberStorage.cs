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
/// A replica's member list on disk: whose votes it counts. Written before the replica's first start with the group's first voters, later only from committed configuration entries.
/// <para>
/// <c>members</c> is DotNext's file: <c>i64 version | i32 count | count × (i32 length | UTF-8 URI)</c>, little-endian, where the version is the log index of the configuration
/// entry. It has no checksum, and one flipped bit of its count makes a replica the only voter of its group. So <c>members.sum</c> has the checksums that it may have
/// (<see cref="MemberChecksums"/>): the present one and, while a configuration is saved, the next one, written and synced first. A list that has neither is damaged.
/// </para>
/// <para>A damaged list is not loaded; the replica takes no part until a leader's checkpoint has brought another one.</para>
/// </summary>
internal sealed class MemberStorage : IClusterConfigurationStorage<EndPoint>
{
    public const string FileName = "members";

    /// <summary>Far above the size of any group.</summary>
    private const int MembersMax = 64;

    /// <summary>A count far above the size of any group, so that damaged bytes are refused before memory is allocated.</summary>
    private const int UriBytesMax = 256;

    private readonly string _file;
    private readonly IFileSystem _files;
    private readonly MemberFile _inner;
    private readonly SemaphoreSlim _saving = new(1);

    public MemberStorage(string file, IFileSystem files)
    {
        _file = file;
        _files = files;
        _inner = new MemberFile(file);
        IsDamaged = IsDamagedAt(file);
    }

    public event Func<IClusterConfiguration<EndPoint>, CancellationToken, ValueTask>? ConfigurationChanged
    {
        add => _inner.ConfigurationChanged += value;
        remove => _inner.ConfigurationChanged -= value;
    }

    /// <summary>The list is not the one that was written. True until another one is saved.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>The replica ran before. A directory in its place, or a refused access, is an error and not a new replica.</summary>
    public static bool Exists(string file) => DurableFile.Exists(file);

    /// <summary>There is a member list in this file, and it is not the one that was written.</summary>
    public static bool IsDamagedAt(string file) =>
        Exists(file) && File.ReadAllBytes(file) is var content
        && !(MemberChecksums.ReadFrom(file) is { } sums && sums.Accepts(content) && IsWellFormed(content.AsSpan(sizeof(long))));

    /// <summary>Writes the first member list, durably, unless one exists.</summary>
    public static void WriteFirst(string file, GroupId group, IReadOnlyList<GroupVoter> voters, IFileSystem files)
    {
        if (Exists(file))
        {
            return;
        }

        var configuration = new MemoryStream();
        Span<byte> number = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(number, voters.Count);
        configuration.Write(number);
        foreach (var voter in voters)
        {
            var uri = Encoding.UTF8.GetBytes(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(group, voter.Incarnation)).Uri.AbsoluteUri);
            BinaryPrimitives.WriteInt32LittleEndian(number, uri.Length);
            configuration.Write(number);
            configuration.Write(uri);
        }

        Write(file, Content(configuration.ToArray(), version: 0), files);
    }

    public ValueTask<IClusterConfiguration<EndPoint>> LoadConfigurationAsync(CancellationToken token = default)
    {
        ThrowIfDamaged();
        return ((IClusterConfigurationStorage<EndPoint>)_inner).LoadConfigurationAsync(token);
    }

    ValueTask<(IDataTransferObject Configuration, long Version)> IClusterConfigurationStorage.LoadConfigurationAsync(CancellationToken token)
    {
        ThrowIfDamaged();
        return ((IClusterConfigurationStorage)_inner).LoadConfigurationAsync(token);
    }

    /// <returns>False: the saved configuration is as new.</returns>
    public async ValueTask<bool> SaveConfigurationAsync<TConfiguration>(TConfiguration configuration, long configurationVersion, CancellationToken token = default)
        where TConfiguration : IDataTransferObject
    {
        var content = Content(await configuration.ToByteArrayAsync(token: token).ConfigureAwait(false), configurationVersion);
        await _saving.WaitAsync(token).ConfigureAwait(false);
        try
        {
            if (IsDamaged)
            {
                // DotNext would compare versions with the damaged one.
                Write(_file, content, _files);
                IsDamaged = false;
                return true;
            }

            // Another process may have deleted it while the replica runs.
            var present = Exists(_file) ? await File.ReadAllBytesAsync(_file, token).ConfigureAwait(false) : content;
            if (present != content && BinaryPrimitives.ReadInt64LittleEndian(present) >= configurationVersion)
            {
                return false;
            }

            MemberChecksums.Of(present, content).WriteTo(_file, _files);
            return await ((IClusterConfigurationStorage)_inner).SaveConfigurationAsync(configuration, configurationVersion, token).ConfigureAwait(false);
        }
        finally
        {
            _saving.Release();
        }
    }

    public void Dispose()
    {
        _inner.Dispose();
        _saving.Dispose();
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

    private static byte[] Content(ReadOnlyMemory<byte> configuration, long version)
    {
        var content = new byte[sizeof(long) + configuration.Length];
        BinaryPrimitives.WriteInt64LittleEndian(content, version);
        configuration.CopyTo(content.AsMemory(sizeof(long)));
        return content;
    }

    private static void Write(string file, byte[] content, IFileSystem files)
    {
        (Exists(file) ? MemberChecksums.Of(File.ReadAllBytes(file), content) : MemberChecksums.Of(content)).WriteTo(file, files);
        DurableFile.Write(file, content, files);
    }

    private void ThrowIfDamaged()
    {
        if (IsDamaged)
        {
            throw new InvalidDataException($"The member list '{_file}' is damaged.");
        }
    }

    private sealed class MemberFile(string file) : PersistentClusterConfigurationStorage<EndPoint>(file)
    {
        protected override IEqualityComparer<EndPoint> Comparer => ReplicaEndPointComparer.Instance;

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
}
