using KvRaft.Node.Requests;

namespace KvRaft.Node.Bodies;

/// <summary>The part of the <see cref="BodyBudget"/> that one request holds. For the one reader of the request; disposing releases all of it.</summary>
internal sealed class RequestBody(BodyBudget budget, BodyShare share) : IDisposable
{
    /// <summary>
    /// A body of JSON is held as text, in a buffer that doubles as it grows, and as the message that is parsed from it: three bytes for each.
    /// </summary>
    public const int JsonBytesPerByte = 3;

    private static readonly object Key = new();

    /// <summary>Bytes taken.</summary>
    public long Held { get; private set; }

    public static void Keep(HttpContext context, RequestBody body) => context.Items[Key] = body;

    public static RequestBody? Of(HttpContext context) => context.Items.TryGetValue(Key, out var kept) ? kept as RequestBody : null;

    /// <summary>From now on the request holds so many bytes; after a refusal it holds the same as before.</summary>
    public Failure? TryHold(long bytes)
    {
        if (bytes > Held)
        {
            if (budget.TryTake(share, bytes - Held, bytes) is { } refusal)
            {
                return refusal;
            }
        }
        else if (bytes < Held)
        {
            budget.Give(share, Held - bytes);
        }

        Held = bytes;
        return null;
    }

    /// <inheritdoc cref="BodyBudget.Await"/>
    public BodyBudget.Wait? Await(Action end) => Held > 0 ? budget.Await(end) : null;

    public void Dispose() => TryHold(0);
}
