using KvRaft.Client.Transport;
using KvRaft.V1;

namespace KvRaft.Client.Requests;

/// <summary>All kinds of requests that have one answer.</summary>
internal static class Operations
{
    public static readonly Operation<GetRequest, GetResponse> Get = new(
        "GET", false, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.GetAsync(r, o))
    {
        ToPipe = (call, r) => call.Get = r,
        FromPipe = answer => answer.Get,
    };

    public static readonly Operation<PutRequest, PutResponse> Put = new(
        "PUT", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.PutAsync(r, o))
    {
        ToPipe = (call, r) => call.Put = r,
        FromPipe = answer => answer.Put,
    };

    public static readonly Operation<PutRequest, PutResponse> PutIfExpected = new(
        "CAS", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.PutIfExpectedAsync(r, o))
    {
        ToPipe = (call, r) => call.Put = r,
        FromPipe = answer => answer.Put,
    };

    public static readonly Operation<DeleteRequest, DeleteResponse> Delete = new(
        "DELETE", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.DeleteAsync(r, o))
    {
        ToPipe = (call, r) => call.Delete = r,
        FromPipe = answer => answer.Delete,
    };

    public static readonly Operation<IncrementRequest, IncrementResponse> Increment = new(
        "INCREMENT", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.IncrementAsync(r, o))
    {
        ToPipe = (call, r) => call.Increment = r,
        FromPipe = answer => answer.Increment,
    };

    public static readonly Operation<TouchRequest, TouchResponse> Touch = new(
        "TOUCH", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.TouchAsync(r, o))
    {
        ToPipe = (call, r) => call.Touch = r,
        FromPipe = answer => answer.Touch,
    };

    public static readonly Operation<TxnRequest, TxnResponse> Txn = new(
        "TXN", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.TxnAsync(r, o));

    public static readonly Operation<MultiSetRequest, MultiSetResponse> MultiSet = new(
        "MSET", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.MultiSetAsync(r, o));

    public static readonly Operation<DeleteRangeRequest, DeleteRangeResponse> DeleteRange = new(
        "DELETE_RANGE", true, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.DeleteRangeAsync(r, o));

    public static readonly Operation<GetRequestResultRequest, GetRequestResultResponse> GetRequestResult = new(
        "GET_REQUEST_RESULT", false, (r, h) => r.Header = h, r => r.Header, (c, r, o) => c.Kv.GetRequestResultAsync(r, o));
}
