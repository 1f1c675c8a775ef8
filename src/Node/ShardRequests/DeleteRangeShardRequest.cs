using Google.Protobuf;
using KvRaft.Node.Cluster;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>One step of a range deletion on its way to the leader of its shard.</summary>
internal readonly struct DeleteRangeShardRequest(
    DeleteRangeRequest request, DeleteRangeCommand command, ResumeToken place, ShardId lastShard, AnswerHeaders headers, TimeProvider time)
    : IShardRequest<DeleteRangeResponse>
{
    /// <summary>A step names a thousand keys of up to 8 KiB that it removes, whatever their values: so it counts as a quarter of an entry.</summary>
    private const int Weight = 1 << 20;

    public bool IsWrite => true;

    public async ValueTask<Answered<DeleteRangeResponse>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        var result = await replica.WriteAsync(command, Weight, deadline, cancellationToken);
        if (result.Outcome is not { } outcome)
        {
            return result.Failure!;
        }

        if (outcome.Status == ShardStatus.Refused)
        {
            return ShardRefusal.Of(outcome.Reason, request.Header, headers.OfWrite(replica, result.Position));
        }

        var header = headers.OfWrite(replica, result.Position);
        header.Deduplicated = outcome.Deduplicated;
        var next = outcome.ResumeKey is { } key ? place with { Key = key }
            : place.Shard.CompareTo(lastShard) < 0 ? place with { Shard = new ShardId(place.Shard.Value + 1), Key = null }
            : default(ResumeToken?);
        return new DeleteRangeResponse
        {
            Header = header,
            Deleted = outcome.Affected,
            Version = outcome.Version,
            ResumeToken = next?.Write() ?? ByteString.Empty,
            Done = next is null,
        };
    }

    public async ValueTask<Answered<DeleteRangeResponse>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var sent = request.Clone();
        (sent.Header ??= new RequestHeader()).NoForward = true;
        return await PeerCalls.CallAsync(call => peer.Kv.DeleteRangeAsync(sent, call), isWrite: true, deadline, time, cancellationToken);
    }
}
