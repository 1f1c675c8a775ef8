using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using Microsoft.AspNetCore.Connections.Features;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Answers;

/// <summary>
/// Opens the window of a call and closes it when the last byte of its answer has left this process: Kestrel holds an answer until the client's flow
/// control accepts it, so the answer counts until then.
/// </summary>
internal sealed class CallAnswers(NodeOptions options, AnswerBudget budget)
{
    /// <summary>The most that a pipe may hold: enough for many answers in progress, and so few that a few pipes do not fill a node.</summary>
    private const int PipeShareOfConnection = 2;

    private static readonly object ShareKey = new();
    private static readonly object OpenKey = new();

    private readonly Limits _limits = options.Limits;

    /// <summary>Bytes of values that one message can carry.</summary>
    public int MessageValuesMax => _limits.MessageBytesMax - AnswerWindow.EnvelopeBytes;

    /// <summary>The window of a call whose answers share one message.</summary>
    /// <param name="context">The call.</param>
    /// <param name="operations">Answers that share it, each of which has some bytes beside its value.</param>
    public AnswerWindow OfMessage(ServerCallContext context, int operations)
    {
        var others = Math.Clamp(operations, 1, _limits.MultiKeysMax);
        var values = Math.Max(0, MessageValuesMax - ((others - 1) * ItemErrors.ItemBytesMax));
        return Open(context, values, WindowFull.Refuse, Math.Clamp(values / 2 / others, 1024, (int)AnswerBudget.SmallBytesMax));
    }

    /// <summary>The window of a stream whose answers leave one after the other.</summary>
    public AnswerWindow OfStream(ServerCallContext context) => Open(context, 2L * _limits.MessageBytesMax, WindowFull.Wait, PipeGuess);

    /// <summary>
    /// The window of a scan: the page being read, or one page of each shard if shards are merged. Only the connection and the node limit it, because a merge
    /// cannot continue with less than a page of every shard.
    /// </summary>
    public AnswerWindow OfScan(ServerCallContext context) => Open(context, budget.ConnectionBytesMax, WindowFull.Refuse, PipeGuess);

    /// <summary>The window of a call about an eventual key, whose values or state are one message; the sizes in the replicas limit it, not <c>limits.messageBytesMax</c>.</summary>
    public AnswerWindow OfState(ServerCallContext context) => Open(context, long.MaxValue, WindowFull.Refuse, PipeGuess);

    /// <summary>
    /// For the states that a read of an eventual key collects. It outlives the call, because a read continues until the last replica has answered, so the code that opens
    /// it must dispose it.
    /// </summary>
    public WindowRoom RoomForStates(ServerCallContext context) => new(new AnswerWindow(ShareOf(context.GetHttpContext()), long.MaxValue, WindowFull.Refuse, PipeGuess));

    /// <summary>The window of a pipe.</summary>
    public AnswerWindow OfPipe(ServerCallContext context) => Open(
        context, Math.Min(_limits.PipeInFlightBytesMax, budget.ConnectionBytesMax / PipeShareOfConnection), WindowFull.Wait, PipeGuess);

    /// <summary>A pipe has thousands of operations in progress; so many guesses should not fill it.</summary>
    private const int PipeGuess = 8 * 1024;

    /// <summary>
    /// Keeps each call until its answer is sent, and ends it if the client does not read it. The one message of an answer is written into Kestrel's buffer at once, whatever its
    /// size; a flush ends when hardly anything of it is left there.
    /// </summary>
    public static void AwaitSending(WebApplication app)
    {
        var sends = app.Services.GetRequiredService<AnswerSends>();
        app.Use((context, next) => RunAsync(context, next, sends));
    }

    private static async Task RunAsync(HttpContext context, RequestDelegate next, AnswerSends sends)
    {
        try
        {
            await next(context);
            if (context.Response.HasStarted && CallEnding.MayWrite(context))
            {
                // An error without a message has not started: its status is in the headers, which must end the stream.
                using var send = sends.Begin(context.Abort);
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client no longer reads it.
        }
        finally
        {
            if (context.Items.TryGetValue(OpenKey, out var open) && open is AnswerWindow window)
            {
                window.Dispose();
            }
        }
    }

    private AnswerWindow Open(ServerCallContext call, long bytesMax, WindowFull full, int guess)
    {
        var context = call.GetHttpContext();
        var window = new AnswerWindow(ShareOf(context), bytesMax, full, guess);
        context.Items[OpenKey] = window;
        return window;
    }

    private AnswerShare ShareOf(HttpContext context)
    {
        if (context.Features.Get<IConnectionItemsFeature>()?.Items is not { } items)
        {
            return new AnswerShare(budget);
        }

        lock (items)
        {
            if (items.TryGetValue(ShareKey, out var known) && known is AnswerShare share)
            {
                return share;
            }

            var fresh = new AnswerShare(budget);
            items[ShareKey] = fresh;
            return fresh;
        }
    }
}
