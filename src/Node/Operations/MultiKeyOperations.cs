using System.Buffers.Binary;
using Google.Protobuf;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Operations;

/// <summary>
/// Several keys, each answered for itself. Every key becomes the single-key operation it stands for, all at once: those of one
/// shard meet in its next log entry or read barrier, those of other nodes in the next message to them.
/// </summary>
internal sealed class MultiKeyOperations(SingleKeyOperations single, NodeOptions options)
{
    private readonly Limits _limits = options.Limits;

    public async Task<Answered<MultiGetResponse>> GetAsync(MultiGetRequest request, Deadline deadline)
    {
        if ((RequestCheck.Header(request.Header) ?? RequestCheck.Count(request.Keys.Count, "keys", _limits)
                ?? RequestCheck.ReadOptions(request.Options)) is { } failure)
        {
            return failure;
        }

        var answers = await Task.WhenAll(request.Keys.Select(key => single.AnswerAsync(
            new PipeCall { Get = new GetRequest { Header = HeaderOf(request.Header), Key = key, Options = request.Options } },
            deadline).AsTask()));
        var response = new MultiGetResponse { Header = Summary(answers.Select(answer => answer.Get?.Header)) };
        response.Items.Add(answers.Select(ToGetItem));
        return response;
    }

    public async Task<Answered<MultiSetResponse>> SetAsync(MultiSetRequest request, Deadline deadline)
    {
        if ((RequestCheck.Write(request.Header) ?? RequestCheck.Count(request.Items.Count, "items", _limits)
                ?? Duplicates(request)) is { } failure)
        {
            return failure;
        }

        var answers = await Task.WhenAll(request.Items.Select((item, index) =>
            single.AnswerAsync(ToCall(request.Header, item, index), deadline).AsTask()));
        var response = new MultiSetResponse { Header = Summary(answers.Select(answer => answer.Put?.Header ?? answer.Delete?.Header)) };
        response.Items.Add(answers.Select(ToSetItem));
        return response;
    }

    private static Failure? Duplicates(MultiSetRequest request)
    {
        var seen = new HashSet<ByteString>();
        for (var i = 0; i < request.Items.Count; i++)
        {
            if (!seen.Add(request.Items[i].Key))
            {
                return Failure.Invalid($"items[{i}].key", "named twice; which of the two writes wins would be chance");
            }
        }

        return null;
    }

    private static PipeCall ToCall(RequestHeader? header, MultiSetRequest.Types.Item item, int index)
    {
        var own = HeaderOf(header);
        own.Identity = IdentityOf(header?.Identity, index);
        return item.Delete
            ? new PipeCall { Delete = new DeleteRequest { Header = own, Key = item.Key, Options = item.Options, Condition = item.Condition } }
            : new PipeCall
            {
                Put = new PutRequest { Header = own, Key = item.Key, Value = item.Value, Options = item.Options, Condition = item.Condition },
            };
    }

    /// <summary>
    /// The identity of one item of a request: that of the request, with the item's place mixed into the random end of the client
    /// id. So each item is remembered for itself, wherever its shard is, and the whole request can be repeated. The first item's
    /// identity differs from the request's own, too, because a writer may use that for a single-key write.
    /// </summary>
    internal static RequestIdentity? IdentityOf(RequestIdentity? identity, int index)
    {
        if (identity is null)
        {
            return null;
        }

        var client = identity.ClientId.ToByteArray();
        var end = client.AsSpan(client.Length - sizeof(uint));
        BinaryPrimitives.WriteUInt32BigEndian(end, BinaryPrimitives.ReadUInt32BigEndian(end) ^ (uint)(index + 1));
        return new RequestIdentity
        {
            ClientId = UnsafeByteOperations.UnsafeWrap(client),
            Sequence = identity.Sequence,
            FirstUnacked = identity.FirstUnacked,
        };
    }

    /// <summary>A header for each: forwarding writes into it.</summary>
    private static RequestHeader HeaderOf(RequestHeader? header) => header is null
        ? new RequestHeader()
        : new RequestHeader
        {
            Keyspace = header.Keyspace,
            RingEpoch = header.RingEpoch,
            NoForward = header.NoForward,
            Attempt = header.Attempt,
        };

    /// <summary>What can be said of all answers together: the newest epoch, and the weakest promise any of them kept.</summary>
    private static ResponseHeader Summary(IEnumerable<ResponseHeader?> headers)
    {
        var all = headers.OfType<ResponseHeader>().ToArray();
        return all.Length == 0
            ? new ResponseHeader()
            : new ResponseHeader
            {
                RingEpoch = all.Max(header => header.RingEpoch),
                ConsistencyDelivered = all.Max(header => header.ConsistencyDelivered),
                DurabilityReached = all.Min(header => header.DurabilityReached),
                Deduplicated = all.All(header => header.Deduplicated),
                ServerTimeMs = all.Max(header => header.ServerTimeMs),
            };
    }

    private static MultiGetResponse.Types.Item ToGetItem(PipeAnswer answer) => answer.Error is { } error
        ? new MultiGetResponse.Types.Item { Error = error }
        : new MultiGetResponse.Types.Item { Found = answer.Get.Found, Current = answer.Get.Current };

    private static MultiSetResponse.Types.Item ToSetItem(PipeAnswer answer) => answer switch
    {
        { Error: { } error } => new MultiSetResponse.Types.Item { Error = error },
        { Put: { } put } => new MultiSetResponse.Types.Item { Applied = put.Applied, Version = put.Version, Current = put.Current },
        _ => new MultiSetResponse.Types.Item
        {
            Applied = answer.Delete.Applied,
            Version = answer.Delete.Version,
            Current = answer.Delete.Current,
        },
    };
}
