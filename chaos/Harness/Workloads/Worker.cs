using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>The result of an operation, in the terms of a history.</summary>
internal readonly record struct Answer(EventType Type, HistoryValue Value = default, string? Error = null, long? Revision = null)
{
    public static Answer Ok(HistoryValue value = default, long? revision = null) => new(EventType.Ok, value, Revision: revision);

    /// <summary>It certainly did not and will not take effect.</summary>
    public static Answer Fail(string error) => new(EventType.Fail, Error: error);
}

/// <summary>A request, in the terms of a history.</summary>
internal sealed record Call(string Function)
{
    public string? Key { get; init; }

    public HistoryValue Value { get; init; }

    public HistoryValue Expected { get; init; }

    public TimeSpan? TimeToLive { get; init; }

    /// <summary>The read level, where it is not linearizable.</summary>
    public string? Level { get; init; }

    /// <summary>The node that received the request, if it is not the node of the worker.</summary>
    public string? Node { get; init; }

    /// <summary>A read has no effect, so one without an answer is a fail and retires no worker.</summary>
    public bool IsRead { get; init; }
}

/// <summary>
/// One logical client, single-threaded: it records each operation before the first byte is sent and after the whole answer was
/// read, and continues under a new number once an outcome is unknown.
/// </summary>
internal sealed class Worker(int number, int workers, int seed, IKvClient client, string node, Recorder recorder, Kv.KvClient? raw = null)
{
    private const long NanosecondsPerTick = 100;

    private int _process = number;
    private int _next;

    public Random Random { get; } = new(seed);

    /// <summary>Its position among the workers, from 0.</summary>
    public int Number { get; } = number;

    public IKvClient Client { get; private set; } = client;

    /// <summary>The raw calls of one node, for requests that the client does not make; null: the run has none.</summary>
    public Kv.KvClient? Raw { get; } = raw;

    /// <summary>Operations without an answer, since the last that had one.</summary>
    public int Unanswered { get; private set; }

    /// <summary>Exceptions of the client that its contract excludes.</summary>
    public List<string> Leaks { get; } = [];

    /// <summary>Between two operations: continues with another client, which is a new writer to the store.</summary>
    public void Renew(IKvClient fresh) => Client = fresh;

    /// <summary>A text that no other operation writes in this run.</summary>
    public string UniqueValue() => string.Create(CultureInfo.InvariantCulture, $"p{_process}-{_next++}");

    /// <summary>A number that no other operation writes in this run.</summary>
    public long UniqueNumber() => ((long)_next++ * workers) + Number;

    public async Task<Answer> DoAsync(Call call, Func<Task<Answer>> act)
    {
        var invocation = new HistoryEvent
        {
            Index = 0,
            Process = _process,
            Type = EventType.Invoke,
            Function = call.Function,
            Key = call.Key,
            Value = call.Value,
            Expected = call.Expected,
            TtlNanoseconds = call.TimeToLive?.Ticks * NanosecondsPerTick,
            Level = call.Level,
            Node = call.Node ?? node,
            TimeNanoseconds = 0,
        };
        recorder.Record(invocation);
        var answer = await AnswerAsync(call, act);
        recorder.Record(invocation with
        {
            Type = answer.Type,
            Value = answer.Value,
            Expected = HistoryValue.Missing,
            TtlNanoseconds = null,
            Level = null,
            Error = answer.Error,
            Revision = answer.Revision,
        });
        if (answer.Type == EventType.Info)
        {
            _process += workers;
        }

        Unanswered = answer.Type == EventType.Ok || answer.Error == ErrorCodes.CompareMismatch ? 0 : Unanswered + 1;
        return answer;
    }

    private async Task<Answer> AnswerAsync(Call call, Func<Task<Answer>> act)
    {
        try
        {
            return await act();
        }
        catch (KvException failure)
        {
            var certain = call.IsRead || failure.Outcome == KvOutcome.NotApplied;
            return new Answer(certain ? EventType.Fail : EventType.Info, Error: Code(failure.Reason));
        }
#pragma warning disable CA1031 // Any exception of the client is recorded as unknown and reported at the end: it must not end the run unnoticed.
        catch (Exception leak)
#pragma warning restore CA1031
        {
            Leaks.Add($"{call.Function} {call.Key}: {leak.GetType().Name}: {leak.Message}");
            return new Answer(call.IsRead ? EventType.Fail : EventType.Info, Error: "leak");
        }
    }

    private static string Code(string reason) => reason.ToLowerInvariant().Replace('_', '-');
}
