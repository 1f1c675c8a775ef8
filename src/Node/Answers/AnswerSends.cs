using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Telemetry;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Answers;

/// <summary>
/// Ends answers that are not being read. If a client stops reading, its answers stay in this node's memory for as long as its connection lasts: HTTP/2
/// flow control prevents their sending, and nothing else limits the time. An answer that is not sent within <c>limits.answerStallMs</c> is ended;
/// while the budget is full, one that has waited for <see cref="Limits.AnswerStallMin"/> is ended.
/// <para>
/// A stream is ended with a typed error after the data that was written (<see cref="Send.Stalled"/>). If that is still not read, or if it is the one
/// answer of a call, a reset ends it, which frees its memory.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class AnswerSends(NodeOptions options, NodeFailure failure, TimeProvider time, ILogger<AnswerSends> logger) : BackgroundService
{
    /// <summary>The end of a stream whose client does not read it. Operations whose answers were not sent can be repeated.</summary>
    public static Failure NotRead { get; } = new(ErrorReasons.Overloaded, Execution.Unknown, "the answers of this stream were not read in time (limits.answerStallMs)");

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly LinkedList<Send> _running = [];
    private long _lastPressure;
    private long _ended;

    /// <summary>Answers ended since the node started.</summary>
    public long Ended => Volatile.Read(ref _ended);

    /// <summary>Registers an answer that is being sent, until it is disposed.</summary>
    /// <param name="end">Called, at most once and never under a lock, when it has taken too long.</param>
    public Send Begin(Action? end = null)
    {
        var send = new Send(this, time.GetTimestamp(), end);
        lock (_lock)
        {
            send.Place = _running.AddLast(send);
        }

        return send;
    }

    /// <summary>Awaits a write to a stream. False: its reader has stalled, and the write continues for as long as the call lasts.</summary>
    public async Task<bool> IsSentAsync(Task write)
    {
        if (write.IsCompleted)
        {
            await write;
            return true;
        }

        using var send = Begin();
        if (await Task.WhenAny(write, send.Stalled) == write)
        {
            await write;
            return true;
        }

        // The call ends without it; its later exception has no new information.
        _ = write.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return false;
    }

    /// <summary>Awaits a write to a stream, and ends the stream if its client does not read it.</summary>
    /// <exception cref="FailureException">Its reader has stalled.</exception>
    public async Task SendAsync(Task write)
    {
        if (!await IsSentAsync(write))
        {
            throw new FailureException(NotRead);
        }
    }

    /// <summary>The budget is full: ends the answers that have stalled for a short time. False if there is none, or this was done a moment ago.</summary>
    public bool EndStalledUnderPressure()
    {
        var last = Volatile.Read(ref _lastPressure);
        return (last == 0 || time.GetElapsedTime(last) >= LookInterval / 4)
            && Interlocked.CompareExchange(ref _lastPressure, time.GetTimestamp(), last) == last
            && EndOlderThan(Limits.AnswerStallMin) > 0;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(WatchAsync, stoppingToken);

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            EndOlderThan(options.Limits.AnswerStallMax);
        }
    }

    private int EndOlderThan(TimeSpan age)
    {
        List<Send>? stalled = null;
        lock (_lock)
        {
            // In the order of their start.
            while (_running.First is { } first && time.GetElapsedTime(first.Value.Began) >= age)
            {
                _running.RemoveFirst();
                (stalled ??= []).Add(first.Value);
            }
        }

        if (stalled is null)
        {
            return 0;
        }

        foreach (var send in stalled)
        {
            send.End();
        }

        // Counted when they have ended: an answer that is counted can no longer be read after all.
        Interlocked.Add(ref _ended, stalled.Count);
        logger.AnswersStalled(options.NodeId, stalled.Count, age.TotalSeconds);
        return stalled.Count;
    }

    /// <summary>One answer on its way into the transport.</summary>
    public sealed class Send(AnswerSends sends, long began, Action? end) : IDisposable
    {
        private readonly TaskCompletionSource _stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Began => began;

        /// <summary>Completes if it is not read.</summary>
        public Task Stalled => _stalled.Task;

        internal LinkedListNode<Send>? Place { get; set; }

        public void Dispose()
        {
            lock (sends._lock)
            {
                if (Place is { List: not null } place)
                {
                    sends._running.Remove(place);
                }
            }
        }

        internal void End()
        {
            _stalled.TrySetResult();
            end?.Invoke();
        }
    }
}
