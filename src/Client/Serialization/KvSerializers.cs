using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KvRaft.Client;

/// <summary>The serializers of the client library. None uses reflection.</summary>
public static class KvSerializers
{
    /// <summary>Bytes without a conversion or copy: the memory must not change until the call has ended.</summary>
    public static IKvSerializer<ReadOnlyMemory<byte>> Bytes { get; } = new BytesSerializer();

    /// <summary>Text as UTF-8. Text that is not well-formed UTF-16 and bytes that are not UTF-8 are refused.</summary>
    public static IKvSerializer<string> Utf8 { get; } = new Utf8Serializer();

    /// <summary>JSON with a source-generated <see cref="JsonTypeInfo{T}"/>. Not for keys: the JSON of equal objects need not be equal.</summary>
    public static IKvSerializer<T> Json<T>(JsonTypeInfo<T> typeInfo)
    {
        ArgumentNullException.ThrowIfNull(typeInfo);
        return new JsonValueSerializer<T>(typeInfo);
    }

    private sealed class BytesSerializer : IKvSerializer<ReadOnlyMemory<byte>>
    {
        public ReadOnlyMemory<byte> Serialize(ReadOnlyMemory<byte> value) => value;

        public ReadOnlyMemory<byte> Deserialize(ReadOnlyMemory<byte> bytes) => bytes;
    }

    private sealed class Utf8Serializer : IKvSerializer<string>
    {
        private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

        public ReadOnlyMemory<byte> Serialize(string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            return Strict.GetBytes(value);
        }

        public string Deserialize(ReadOnlyMemory<byte> bytes) => Strict.GetString(bytes.Span);
    }

    private sealed class JsonValueSerializer<T>(JsonTypeInfo<T> typeInfo) : IKvSerializer<T>
    {
        public ReadOnlyMemory<byte> Serialize(T value) => JsonSerializer.SerializeToUtf8Bytes(value, typeInfo);

        // JSON null for a reference type is the value that the writer stored; the nullability of T is the caller's choice.
        public T Deserialize(ReadOnlyMemory<byte> bytes) => JsonSerializer.Deserialize(bytes.Span, typeInfo)!;
    }
}
