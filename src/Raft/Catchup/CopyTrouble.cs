using KvRaft.Raft.Peers;
using KvRaft.Storage;

namespace KvRaft.Raft.Catchup;

/// <summary>The errors after which a copy is repeated: of the other node, of the data that it sent, or of this node's disk space, descriptors and access rights. None of them stops the replica.</summary>
internal static class CopyTrouble
{
    public static bool MayPass(Exception error) =>
        PeerSurvey.IsPeerTrouble(error) || error is InvalidDataException or StorageFullException or StorageUnavailableException || EnvironmentFault.Is(error);

    /// <summary>Also a timeout that is not the caller's own end.</summary>
    public static bool MayPassOrTimeout(Exception error, CancellationToken ours) => MayPass(error) || PeerSurvey.IsPeerTroubleOrTimeout(error, ours);
}
