using System.Buffers.Binary;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// The identity of one item of a request: that of the request, with the rank of the item's key mixed into the random end of the client
/// id. So the session table has an entry for each item, in whichever shard it is, and the whole request can be repeated, with its items in any order. (The
/// position in the request would make an item that moved to another position a new write. A hash of the key would begin a session for every key that a writer
/// ever sets.) The first item's identity also differs from that of the request, because a writer may use that for a single-key write.
/// </summary>
internal static class ItemIdentity
{
    /// <param name="identity">That of the request; may be null.</param>
    /// <param name="rank">The position of the item's key among the keys of the request in ascending order.</param>
    public static RequestIdentity? Of(RequestIdentity? identity, int rank)
    {
        if (identity is null)
        {
            return null;
        }

        var client = identity.ClientId.ToByteArray();
        var end = client.AsSpan(client.Length - sizeof(uint));
        BinaryPrimitives.WriteUInt32BigEndian(end, BinaryPrimitives.ReadUInt32BigEndian(end) ^ (uint)(rank + 1));
        return new RequestIdentity
        {
            ClientId = UnsafeByteOperations.UnsafeWrap(client),
            Sequence = identity.Sequence,
            FirstUnacked = identity.FirstUnacked,
            After = identity.After,
            FirstAttempt = identity.FirstAttempt,
        };
    }
}
