using KvRaft.Node.Options;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.ShardRequests;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// Deletes ranges, one limited step of one shard per call. The answer has the position of the next step, so this node keeps no state
/// between steps and any node can continue.
/// </summary>
internal sealed class DeleteRangeOperations(RequestRouter router, KeyspaceLookup keyspaces, AnswerHeaders headers, NodeOptions options)
{
    private readonly Limits _limits = options.Limits;

    public async Task<Answered<DeleteRangeResponse>> StepAsync(DeleteRangeRequest request, Deadline deadline)
    {
        if ((RequestCheck.Write(request.Header) ?? KeyRange.Check(request.Prefix, request.Start, request.End, _limits) ?? Extent(request)) is { } failure)
        {
            return failure;
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        var map = found.View.Map!;
        var oneShard = KeyRange.OneShard(map, keyspace, request.Prefix, request.Start, request.End);
        if (request.Atomic && oneShard is null)
        {
            return Failure.CrossShard("in a keyspace that routes by tag, the common prefix of the range must contain the whole tag", "prefix");
        }

        var range = KeyRange.Of(request.Prefix, request.Start, request.End);
        var (low, high) = (oneShard ?? new ShardId(0), oneShard ?? new ShardId(map.ShardCount - 1));
        var place = new ResumeToken(WalkId.Of(WalkKind.DeleteRange, null, range), keyspace.Id, map.ShardCount, low, null);
        if (!request.ResumeToken.IsEmpty)
        {
            if (request.Atomic)
            {
                return Failure.CursorInvalid("an atomic deletion is one step and takes no resume token");
            }

            var (resumed, refusal) = ResumeToken.Resume(request.ResumeToken, place, range, low, high);
            if (resumed is not { } at)
            {
                return refusal!;
            }

            place = at;
        }

        var rest = place.Rest(range);
        var command = new DeleteRangeCommand(
            new StoredKeyspaceId(keyspace.Id.Value), rest.From, rest.To, ShardLimits.DeleteRangeKeysMax)
        {
            Stamp = CommandFields.ToStamp(request.Header, place.Shard),
            AllOrNothing = request.Atomic,
        };
        return await router.RouteAsync<DeleteRangeResponse, DeleteRangeShardRequest>(
            new DeleteRangeShardRequest(request, command, place, high, headers, router.Time),
            place.Shard, request.Header is { NoForward: true }, deadline);
    }

    private static Failure? Extent(DeleteRangeRequest request) =>
        request.All == (request.Prefix.IsEmpty && request.Start.IsEmpty && request.End.IsEmpty)
            ? null
            : Failure.Invalid("all", "either true, or a prefix, start or end; so that an empty prefix does not empty a keyspace by mistake");
}
