using System.Collections.Concurrent;
using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvRaft.Node.Options;

namespace KvRaft.Node.Requests;

/// <summary>
/// One limit for every string of a request, in every call: names, ids, addresses, versions. No rule that follows copies, quotes or looks up a longer one. Which strings a message can have
/// follows from its descriptor, so a new field has the limit as soon as it exists. Most messages have none besides those of their header; for them the check reads one field.
/// <para>Bytes fields are not text: no refusal repeats them, and their own rules limit them. Calls of pipes are checked by <see cref="RequestCheck"/>, field by field.</para>
/// </summary>
internal static class RequestText
{
    /// <summary>Characters: several times a DNS name with a port, the longest text that a call has a use for.</summary>
    public const int LengthMax = 1024;

    /// <summary>Deeper than any request; a message that contains itself ends there.</summary>
    private const int DepthMax = 8;

    private static readonly ConcurrentDictionary<MessageDescriptor, ImmutableArray<FieldDescriptor>> Fields = new();

    /// <summary>The first string of a request that is too long; null if there is none.</summary>
    public static Failure? Check(IMessage request) => Find(request, DepthMax) is { } found
        ? Failure.Limit(new LimitExceeded(found.Path, "limits.text_length_max", LengthMax, found.Length))
        : null;

    private static TooLong? Find(IMessage message, int depth)
    {
        foreach (var field in Fields.GetOrAdd(message.Descriptor, static type => FieldsOf(type, DepthMax)))
        {
            if (FindIn(field.Accessor.GetValue(message), depth) is { } found)
            {
                return found with { Path = found.Path.Length == 0 ? field.Name : $"{field.Name}.{found.Path}" };
            }
        }

        return null;
    }

    private static TooLong? FindIn(object? value, int depth)
    {
        switch (value)
        {
            case string text:
                return text.Length > LengthMax ? new TooLong("", text.Length) : null;
            case IMessage inner:
                return depth > 0 ? Find(inner, depth - 1) : null;
            case System.Collections.IEnumerable many:
                foreach (var item in many)
                {
                    if (FindIn(item, depth) is { } found)
                    {
                        return found;
                    }
                }

                break;
        }

        return null;
    }

    /// <summary>The fields of a message that are strings, or messages that can have strings.</summary>
    private static ImmutableArray<FieldDescriptor> FieldsOf(MessageDescriptor type, int depth) =>
        [.. type.Fields.InFieldNumberOrder().Where(field => HasText(field, depth))];

    private static bool HasText(FieldDescriptor field, int depth) =>
        field.FieldType == FieldType.String
        || (field.FieldType == FieldType.Message && depth > 0 && field.MessageType.Fields.InFieldNumberOrder().Any(inner => HasText(inner, depth - 1)));

    /// <param name="Path">The field, from the message on.</param>
    /// <param name="Length">Its characters.</param>
    private readonly record struct TooLong(string Path, int Length);
}
