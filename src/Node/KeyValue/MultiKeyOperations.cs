using Google.Protobuf;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.ShardRequests;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// Operations on several keys, each with its own answer. Every key becomes a single-key operation, and all start at once: those of one
/// shard share its next log entry or read barrier, those of other nodes share the next message to them.
/// </summary>
internal sealed class MultiKeyOperations(
    SingleKeyOperations single, ShardOperations shards, KeyspaceLookup keyspaces, NodeOptions options, TimeProvider time)
{
    private readonly Limits _limits = options.Limits;

    /// <param name="request">Distinct keys.</param>
    /// <param name="deadline">When to abandon it.</param>
    /// <param name="window">The window of one message: a key whose value does not fit into it beside the others is answered with LIMIT_EXCEEDED, and is not read.</param>
    public async Task<Answered<MultiGetResponse>> GetAsync(MultiGetRequest request, Deadline deadline, AnswerWindow window)
    {
        var asked = time.GetTimestamp();
        var begun = await BeginAsync(request, deadline, window);
        if (begun.Answer is not { } reads)
        {
            return begun.Failure!;
        }

        var answers = await Task.WhenAll(reads);
        var response = new MultiGetResponse { Header = Summary(answers.Select(answer => answer.Get?.Header), time.GetElapsedTime(asked)) };
        response.Items.Add(answers.Select(ToGetItem));
        ItemErrors.Shorten(response.Items.Select(static item => item.Error));
        return response;
    }

    /// <summary>Starts a read for each key, in the order of the request; none of them throws.</summary>
    public async ValueTask<Answered<IReadOnlyList<Task<PipeAnswer>>>> BeginAsync(MultiGetRequest request, Deadline deadline, AnswerWindow window)
    {
        if ((RequestCheck.Header(request.Header) ?? RequestCheck.Count(request.Keys.Count, "keys", _limits) ?? Repeated(request.Keys)
                ?? RequestCheck.ReadOptions(request.Options) ?? SessionCheck.Check(request.Options, options.ClusterId)
                ?? await OneNumberAsync(request, deadline)) is { } failure)
        {
            return failure;
        }

        return new([.. request.Keys.Select(key => single.AnswerAsync(
            new PipeCall { Get = new GetRequest { Header = HeaderOf(request.Header), Key = key, Options = request.Options } },
            deadline, window).AsTask())], null);
    }

    /// <summary>Keys of several shards cannot be read at least as new as one number.</summary>
    private async ValueTask<Failure?> OneNumberAsync(MultiGetRequest request, Deadline deadline)
    {
        if (SessionCheck.OneNumber(request.Options, isOneShard: request.Keys.Count == 1) is not { } several)
        {
            return null;
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadline);
        return found.Keyspace is not { } keyspace ? found.Failure
            : request.Keys.Select(key => found.View.Map!.ShardOf(keyspace, key.Span)).Distinct().Count() == 1 ? null
            : several;
    }

    /// <summary>A key named twice would be answered twice: a few more bytes of request would produce one more value in the answer.</summary>
    private static Failure? Repeated(IReadOnlyList<ByteString> keys)
    {
        var seen = new HashSet<ReadOnlyMemory<byte>>(KeyBytesComparer.Instance);
        for (var i = 0; i < keys.Count; i++)
        {
            if (!seen.Add(keys[i].Memory))
            {
                return Failure.Invalid($"keys[{i}]", "named twice; one answer serves both");
            }
        }

        return null;
    }

    /// <param name="request">Distinct keys.</param>
    /// <param name="deadline">When to abandon it.</param>
    /// <param name="window">The window of one message: an item whose answer does not fit is answered with LIMIT_EXCEEDED, and is not executed.</param>
    public async Task<Answered<MultiSetResponse>> SetAsync(MultiSetRequest request, Deadline deadline, AnswerWindow window)
    {
        if ((RequestCheck.Write(request.Header) ?? RequestCheck.Count(request.Items.Count, "items", _limits)
                ?? Duplicates(request) ?? Seen(request)) is { } failure)
        {
            return failure;
        }

        if (request.Atomicity == MultiSetRequest.Types.Atomicity.Shard)
        {
            return await SetAtOnceAsync(request, deadline, window);
        }

        if (request.Atomicity != MultiSetRequest.Types.Atomicity.None)
        {
            return Failure.Invalid("atomicity", "ATOMICITY_NONE or ATOMICITY_SHARD");
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        var after = request.After.ToDictionary(static seen => seen.Shard);
        var ranks = Ranks(request.Items);
        var answers = await Task.WhenAll(request.Items.Select((item, index) => single.AnswerAsync(
            ToCall(request.Header, item, ranks[index], after.GetValueOrDefault(found.View.Map!.ShardOf(keyspace, item.Key.Span).Value)), deadline, window).AsTask()));
        var response = new MultiSetResponse { Header = Summary(answers.Select(answer => answer.Put?.Header ?? answer.Delete?.Header), TimeSpan.Zero) };
        response.Items.Add(answers.Select(ToSetItem));
        ItemErrors.Shorten(response.Items.Select(static item => item.Error));
        response.Unprocessed.Add(Enumerable.Range(0, answers.Length).Where(i => answers[i].Error is { } error && IsUnprocessed(error)));
        return response;
    }

    /// <summary>The item was certainly not executed, for a temporary reason.</summary>
    private static bool IsUnprocessed(ErrorDetail error) =>
        error.Execution == Execution.NotExecuted
        && error.Code is (int)Google.Rpc.Code.Unavailable or (int)Google.Rpc.Code.DeadlineExceeded or (int)Google.Rpc.Code.ResourceExhausted
        && error.Reason is not (ErrorReasons.DiskFull or ErrorReasons.QuotaBytes or ErrorReasons.QuotaKeys);

    /// <summary>
    /// All items or none: a transaction of one shard whose compares are the items' conditions. If one condition does not hold, it returns the
    /// present values for all items that have a condition.
    /// </summary>
    private async Task<Answered<MultiSetResponse>> SetAtOnceAsync(MultiSetRequest request, Deadline deadline, AnswerWindow window)
    {
        var conditional = Enumerable.Range(0, request.Items.Count).Where(i => request.Items[i].Condition is not null).ToList();
        var operations = request.Items.Count + (2 * conditional.Count);
        if (operations > _limits.TxnOperationsMax)
        {
            return Failure.Limit(new LimitExceeded("items", "limits.txnOperationsMax", _limits.TxnOperationsMax, operations));
        }

        for (var i = 0; i < request.Items.Count; i++)
        {
            if (AtomicItem(request.Items[i], $"items[{i}]") is { } mistake)
            {
                return mistake;
            }
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        if (ShardOperations.OneShard(found.View.Map!, keyspace, [.. request.Items.Select((item, i) => ($"{i}", item.Key))], "items", out _) is { } scattered)
        {
            return scattered;
        }

        var answered = await shards.TxnAsync(ToTransaction(request, conditional), deadline, window);
        return answered.Answer is { } answer ? ToSetResponse(request, conditional, answer) : answered.Failure!;
    }

    private Failure? AtomicItem(MultiSetRequest.Types.Item item, string field) =>
        RequestCheck.Key(item.Key, field + ".key", _limits)
        ?? RequestCheck.Condition(item.Condition, field + ".condition")
        ?? (item.Delete ? RequestCheck.NoExpiry(item.Options, field + ".options") : null);

    private static TxnRequest ToTransaction(MultiSetRequest request, List<int> conditional)
    {
        var transaction = new TxnRequest { Header = request.Header };
        foreach (var item in request.Items)
        {
            transaction.Success.Add(item.Delete
                ? new TxnOperation { Delete = new() { Key = item.Key, Options = item.Options } }
                : new TxnOperation { Put = new() { Key = item.Key, Value = item.Value, Options = item.Options } });
        }

        foreach (var item in conditional.Select(i => request.Items[i]))
        {
            transaction.Compares.Add(new TxnRequest.Types.Compare { Key = item.Key, Condition = item.Condition });
            transaction.Failure.Add(new TxnOperation { Get = new() { Key = item.Key } });
        }

        return transaction;
    }

    private static MultiSetResponse ToSetResponse(MultiSetRequest request, List<int> conditional, TxnResponse answer)
    {
        var response = new MultiSetResponse { Header = answer.Header };
        response.Items.Add(request.Items.Select((_, i) => new MultiSetResponse.Types.Item
        {
            Applied = answer.Succeeded,
            Version = answer.Succeeded ? answer.Version : 0,
            Previous = answer.Succeeded ? answer.Results[i].State : null,
            ValuesNotKept = answer.Header.ValuesNotKept,
        }));
        for (var i = 0; i < conditional.Count && !answer.Succeeded; i++)
        {
            response.Items[conditional[i]].Current = answer.Results[i].State;
        }

        return response;
    }

    private static Failure? Duplicates(MultiSetRequest request)
    {
        var seen = new HashSet<ReadOnlyMemory<byte>>(KeyBytesComparer.Instance);
        for (var i = 0; i < request.Items.Count; i++)
        {
            if (!seen.Add(request.Items[i].Key.Memory))
            {
                return Failure.Invalid($"items[{i}].key", "named twice; which of the two writes wins would be chance");
            }
        }

        return null;
    }

    private Failure? Seen(MultiSetRequest request)
    {
        if (request.After.Count > _limits.MultiKeysMax)
        {
            return Failure.Limit(new LimitExceeded("after", "limits.multiKeysMax", _limits.MultiKeysMax, request.After.Count));
        }

        var shards = new HashSet<int>();
        return request.After.Select((seen, i) => RequestCheck.Seen(seen, $"after[{i}]")
            ?? (shards.Add(seen.Shard) ? null : Failure.Invalid($"after[{i}].shard", "one entry for a shard"))).FirstOrDefault(static failure => failure is not null);
    }

    private static PipeCall ToCall(RequestHeader? header, MultiSetRequest.Types.Item item, int rank, SeenIndex? after)
    {
        var own = HeaderOf(header);
        own.Identity = ItemIdentity.Of(header?.Identity, rank);
        if (own.Identity is { } identity)
        {
            identity.After = after;
        }

        return item.Delete
            ? new PipeCall { Delete = new DeleteRequest { Header = own, Key = item.Key, Options = item.Options, Condition = item.Condition } }
            : new PipeCall
            {
                Put = new PutRequest { Header = own, Key = item.Key, Value = item.Value, Options = item.Options, Condition = item.Condition },
            };
    }

    /// <summary>The position of each item's key among the keys of the request in ascending order of bytes; it does not depend on the order of the items.</summary>
    internal static int[] Ranks(IReadOnlyList<MultiSetRequest.Types.Item> items)
    {
        var order = Enumerable.Range(0, items.Count).ToArray();
        Array.Sort(order, (left, right) => items[left].Key.Span.SequenceCompareTo(items[right].Key.Span));
        var ranks = new int[items.Count];
        for (var rank = 0; rank < order.Length; rank++)
        {
            ranks[order[rank]] = rank;
        }

        return ranks;
    }

    /// <summary>A header for each item, because forwarding writes into it.</summary>
    private static RequestHeader HeaderOf(RequestHeader? header) => header is null
        ? new RequestHeader()
        : new RequestHeader
        {
            Keyspace = header.Keyspace,
            RingEpoch = header.RingEpoch,
            KnownEpoch = header.KnownEpoch,
            NoForward = header.NoForward,
            Attempt = header.Attempt,
        };

    /// <summary>The header that holds for all answers together: the newest epoch, the weakest consistency, and the greatest age, because some of them waited for the others.</summary>
    private static ResponseHeader Summary(IEnumerable<ResponseHeader?> headers, TimeSpan passed)
    {
        var all = headers.OfType<ResponseHeader>().ToArray();
        if (all.Length == 0)
        {
            return new ResponseHeader();
        }

        var summary = new ResponseHeader
        {
            RingEpoch = all.Max(header => header.RingEpoch),
            ConsistencyDelivered = all.Max(header => header.ConsistencyDelivered),
            DurabilityReached = all.Min(header => header.DurabilityReached),
            Deduplicated = all.All(header => header.Deduplicated),
            ValuesNotKept = all.Any(header => header.ValuesNotKept),
            ServerTimeMs = all.Max(header => header.ServerTimeMs),
            StalenessMs = AnswerAge.OfAll(all, passed),
        };
        Array.ForEach(all, header => SessionCheck.Merge(summary.ShardVersions, header));
        return summary;
    }

    internal static MultiGetResponse.Types.Item ToGetItem(PipeAnswer answer) => answer.Error is { } error
        ? new MultiGetResponse.Types.Item { Error = error }
        : new MultiGetResponse.Types.Item { Found = answer.Get.Found, Current = answer.Get.Current };

    private static MultiSetResponse.Types.Item ToSetItem(PipeAnswer answer) => answer switch
    {
        { Error: { } error } => new MultiSetResponse.Types.Item { Error = error },
        { Put: { } put } => new MultiSetResponse.Types.Item
        {
            Applied = put.Applied,
            Version = put.Version,
            Previous = put.Previous,
            Current = put.Current,
            ValuesNotKept = put.Header.ValuesNotKept,
        },
        _ => new MultiSetResponse.Types.Item
        {
            Applied = answer.Delete.Applied,
            Version = answer.Delete.Version,
            Previous = answer.Delete.Previous,
            Current = answer.Delete.Current,
            ValuesNotKept = answer.Delete.Header.ValuesNotKept,
        },
    };
}
