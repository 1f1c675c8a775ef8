using KvRaft.V1;

namespace KvRaft.Node.Answers;

/// <summary>
/// The errors of the items of one message. The values have left <see cref="AnswerWindow.EnvelopeBytes"/> for everything else; hundreds of errors with their texts would exceed that, and
/// the client would refuse the whole message although a part of its items was executed. Pure.
/// </summary>
internal static class ItemErrors
{
    /// <summary>Bytes of an item beside its value: a version and flags, or the shortest error.</summary>
    public const int ItemBytesMax = 64;

    /// <summary>Bytes of all errors that keep their texts and facts: the first ones, in the order of the request.</summary>
    public const int DetailBytesMax = AnswerWindow.EnvelopeBytes / 2;

    /// <summary>Shortens the errors after the first <see cref="DetailBytesMax"/> to what a program needs: code, reason, whether the item was executed, and when to repeat it.</summary>
    public static void Shorten(IEnumerable<ErrorDetail?> errors)
    {
        var left = DetailBytesMax;
        foreach (var error in errors)
        {
            if (error is null)
            {
                continue;
            }

            left -= error.CalculateSize();
            if (left < 0)
            {
                (left, error.Message, error.RouteHint) = (0, "", null);
                error.Metadata.Clear();
            }
        }
    }
}
