using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Routing;
using KvRaft.Topology;

namespace KvRaft.Node.Operations;

/// <summary>The key a request is about, who keeps it, and the quorum the request wants of them.</summary>
internal sealed record EventualTarget(Guid ClusterId, KeyspaceDescriptor Keyspace, EventualKey Key, QuorumSpec Spec, PreferenceList List)
{
    public ByteString ContextOf(SiblingSet state) => UnsafeByteOperations.UnsafeWrap(Context.Encode(state.Seen));

    public (VersionVector? Seen, Failure? Failure) Decode(ByteString context)
    {
        var (seen, mistake) = Context.Decode(context.Memory);
        return (seen, mistake is null ? null : Failure.ContextInvalid(mistake));
    }

    private CausalContext Context => new(ClusterId, Keyspace.Id, Key.Key);
}
