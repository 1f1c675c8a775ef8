using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Telemetry;

namespace KvRaft.Node.Http;

/// <summary>
/// Limits the calls and streams that a node has in progress, of all clients and whatever they do: each costs some 20 KiB, also one that waits for nothing, and neither the work that is
/// admitted (<see cref="Admission"/>) nor the bytes of answers counts it. Without this limit a few hundred connections with a thousand idle streams each use up the memory of the process.
/// <para>
/// At the limit a call is refused at once with OVERLOADED. Connections with few calls have a reserve, so that a party that fills the limit blocks only itself. If a connection
/// continues to open calls while all are refused, it is closed. Thread-safe.
/// </para>
/// </summary>
internal sealed class CallLimit(NodeOptions options, TimeProvider time, ILogger<CallLimit> logger)
{
    /// <summary>A connection with at most this part of all calls may use the reserve.</summary>
    private const int ShareOfConnection = 16;

    /// <summary>The reserve, as a part of the limit.</summary>
    private const int Reserve = 4;

    /// <summary>Refusals of one connection, without an admitted call in between, after which it is closed: its client does not obey the delay, and may not even read the refusals.</summary>
    internal const int RefusalsMax = 256;

    /// <summary>Streams and calls end within seconds; a shorter delay would find the same state.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    private readonly int _max = Math.Max(1, options.Limits.CallsInProgressMax / options.NodesInProcess);
    private readonly LineThrottle _full = new(time);
    private int _calls;
    private long _refused;

    /// <summary>Calls and streams in progress.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Calls refused since the node started.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    public async Task InvokeAsync(HttpContext request, RequestDelegate next)
    {
        var connection = ClientConnection.Of(request);
        var own = connection?.BeginCall() ?? 1;
        var all = Interlocked.Increment(ref _calls);
        try
        {
            if (Admits(all, own, _max))
            {
                connection?.ResetRefusals();
                await next(request);
                return;
            }

            Interlocked.Increment(ref _refused);
            if (_full.TryPass(out var suppressed))
            {
                logger.CallsFull(options.NodeId, all - 1, _max, request.Connection.RemoteIpAddress?.ToString() ?? "?", suppressed);
            }

            if (connection?.CountRefusal() > RefusalsMax)
            {
                connection.Abort();
                return;
            }

            await RefusedCall.AnswerAsync(request, Failure.Full("the node's table of calls in progress", "limits.callsInProgressMax", all - 1, _max, all - 1, RetryDelay, unit: ""));
        }
        finally
        {
            Interlocked.Decrement(ref _calls);
            connection?.EndCall();
        }
    }

    /// <summary>Pure: the rule.</summary>
    /// <param name="all">Calls of the node, with the new one.</param>
    /// <param name="own">Calls of its connection, with the new one.</param>
    /// <param name="max">The limit.</param>
    internal static bool Admits(int all, int own, int max) =>
        all <= max || (own <= Math.Max(1, max / ShareOfConnection) && all <= max + Math.Max(1, max / Reserve));
}
