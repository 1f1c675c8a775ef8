using System.Collections.Immutable;
using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Requests;
using KvRaft.Topology;

namespace KvRaft.Node.EventualKeys;

/// <summary>The key a request is about, who keeps it under what, and the quorum the request wants of them.</summary>
/// <param name="ContextKeys">The cluster's, of the view in force.</param>
internal sealed record EventualTarget(ImmutableArray<ContextKey> ContextKeys, Guid ClusterId, KeyspaceDescriptor Keyspace, EventualKey Key, QuorumSpec Spec, PreferenceList List, Tenure Tenure)
{
    /// <summary>
    /// Of a write: it is met by reads with the keyspace's own R, whatever this request says of reads.
    /// </summary>
    public QuorumCall Write => new(Spec with { R = Keyspace.Eventual!.Quorum.R }, List, Tenure.Word);

    /// <summary>
    /// Of a read: it meets what was written so, if it asks at least as many as the keyspace does; with fewer it meets nothing for certain, which a W of 0 says.
    /// </summary>
    public QuorumCall Read => new(Spec with { W = Spec.R >= Keyspace.Eventual!.Quorum.R ? Keyspace.Eventual.Quorum.W : 0 }, List, Tenure.Word);

    public ByteString ContextOf(SiblingSet state) => UnsafeByteOperations.UnsafeWrap(Context.Encode(state.Seen));

    public (VersionVector? Seen, Failure? Failure) Decode(ByteString context)
    {
        var (seen, mistake) = Context.Decode(context.Memory);
        return (seen, mistake is null ? null : Failure.ContextInvalid(mistake));
    }

    private CausalContext Context => new(ContextKeys, ClusterId, Keyspace.Id, Key.Key);
}
