using Google.Protobuf;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>Translates keys of eventual records to messages of the wire and back.</summary>
internal static class PeerWire
{
    public static StateKey ToWire(EventualKey key) => new()
    {
        Keyspace = (int)key.Keyspace.Value,
        Token = key.Token.Value,
        Key = UnsafeByteOperations.UnsafeWrap(key.Key),
    };

    public static RecordHash ToWire(RecordName name) => new() { Key = ToWire(name.Key), Hash = name.Hash };

    /// <exception cref="PeerException">The node sent no key.</exception>
    public static RecordName FromWire(RecordHash record) => IsKey(record.Key)
        ? new(FromWire(record.Key), record.Hash)
        : throw new PeerException("the node sent a record without a valid key");

    /// <summary>A key that a node may send. The rows of the store count a key's bytes in two bytes.</summary>
    public static bool IsKey(StateKey? key) => key is { Keyspace: > 0, Key: { IsEmpty: false, Length: <= ushort.MaxValue } };

    /// <exception cref="PeerException">The node sent another number of hashes than there are.</exception>
    public static IReadOnlyList<ulong> Counted(IReadOnlyList<ulong> hashes, int count, NodeId node) => hashes.Count == count
        ? hashes
        : throw new PeerException($"node {node} sent {hashes.Count} hashes where there are {count}");

    public static EventualKey FromWire(StateKey key) => new(new KeyspaceId((uint)key.Keyspace), new Token(key.Token), key.Key.Memory);
}
