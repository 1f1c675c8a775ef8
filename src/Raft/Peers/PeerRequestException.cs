namespace KvRaft.Raft.Peers;

/// <summary>A peer's request cannot be served; the message is sent back to the peer.</summary>
internal sealed class PeerRequestException(string message) : Exception(message);
