using Grpc.Core;

namespace KvRaft.Node.Requests;

/// <summary>
/// Remembers the token of a gRPC call for the code around it. The token is cancelled when the deadline of the call has passed or the client is gone; when the call has ended, gRPC disposes
/// its source, and the call itself cannot be asked any more.
/// </summary>
internal static class CallEnding
{
    private static readonly object Key = new();

    public static void Remember(ServerCallContext call) => call.GetHttpContext().Items[Key] = call.CancellationToken;

    /// <summary>A gRPC call whose deadline has not passed. After the deadline gRPC has completed the answer itself, before it let the call end, and nothing more may be written.</summary>
    public static bool MayWrite(HttpContext context) => context.Items.TryGetValue(Key, out var token) && token is CancellationToken { IsCancellationRequested: false };
}
