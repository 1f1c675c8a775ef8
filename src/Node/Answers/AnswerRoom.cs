using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Answers;

/// <summary>
/// How many bytes one operation may take for its answer, and the order of its attempts: a guess first, into which nearly all values fit, then the
/// size that the answer turned out to need, then all it may take. An attempt that turns out too small has read or executed nothing.
/// </summary>
/// <param name="Window">The window from which the bytes are taken.</param>
/// <param name="BytesMax">The most it may be.</param>
/// <param name="IsCallers">The limit is the caller's (<c>header.answer_bytes_max</c>), not the node's.</param>
internal readonly record struct AnswerRoom(AnswerWindow Window, int BytesMax, bool IsCallers)
{
    /// <summary>The name of the caller's limit in a refusal.</summary>
    public const string CallersSetting = "header.answer_bytes_max";

    private const string NodesSetting = "limits.messageBytesMax";

    /// <summary>For one operation of a request.</summary>
    public static AnswerRoom Of(RequestHeader? header, AnswerWindow window, Limits limits)
    {
        var ofMessage = limits.MessageBytesMax - AnswerWindow.EnvelopeBytes;
        return header is { AnswerBytesMax: > 0 and var callers } && callers < ofMessage
            ? new AnswerRoom(window, callers, IsCallers: true)
            : new AnswerRoom(window, ofMessage, IsCallers: false);
    }

    public int First => Math.Min(Window.Guess, BytesMax);

    /// <summary>The size of the next attempt after one that was too small; null: there is no more.</summary>
    /// <param name="tried">The size of that attempt.</param>
    /// <param name="needed">The least size that it needs, if that is available.</param>
    public int? After(int tried, long needed) =>
        tried >= BytesMax || needed > BytesMax ? null : needed > tried ? (int)needed : BytesMax;

    /// <summary>The answer would be larger than it may be; nothing was done.</summary>
    public Failure TooLarge(long needed) =>
        Failure.Limit(new LimitExceeded("answer", IsCallers ? CallersSetting : NodesSetting, BytesMax, Math.Max(needed, BytesMax + 1L)));

    /// <summary>The size that an answer needs, from the refusal of another node; null if it refused for another reason.</summary>
    public static long? NeededBy(Failure? failure) => failure is { Reason: ErrorReasons.LimitExceeded }
        && failure.Facts.Any(static fact => fact is { Key: "setting", Value: CallersSetting })
        && long.TryParse(failure.Facts.FirstOrDefault(static fact => fact.Key == "actual").Value, out var needed)
            ? needed
            : null;
}
