using System.Collections.Immutable;
using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Requests;
using KvRaft.Topology;

namespace KvRaft.Node.EventualKeys;

/// <summary>The key of a request, its replica holders and its record, and the quorum that the request requires of them.</summary>
/// <param name="ContextKeys">The keys of the cluster for contexts, of the view in force.</param>
internal sealed record EventualTarget(ImmutableArray<ContextKey> ContextKeys, Guid ClusterId, KeyspaceDescriptor Keyspace, EventualKey Key, QuorumSpec Spec, PreferenceList List, Tenure Tenure)
{
    /// <summary>
    /// For a write: reads with the keyspace's own R overlap it, whatever R this request has.
    /// </summary>
    public QuorumCall Write => new(Spec with { R = Keyspace.Eventual!.Quorum.R }, List, Tenure.Word);

    /// <summary>
    /// For a read: it overlaps such writes if its R is at least that of the keyspace; with a smaller R no overlap is certain, which a W of 0 expresses.
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
