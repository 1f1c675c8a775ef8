namespace KvRaft.Raft.Peers;

/// <summary>A peer's request cannot be served; the message goes back to it.</summary>
internal sealed class PeerRequestException(string message) : Exception(message);
