using Grpc.Net.Compression;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;

namespace KvRaft.Node.Bodies;

/// <summary>
/// A compression of messages whose output has the limit of a message. Without it, a message of 4 MiB could become gigabytes in memory before its size was compared with the limit.
/// </summary>
/// <param name="inner">The compression.</param>
/// <param name="bytesMax">Bytes of a message when it is decompressed.</param>
internal sealed class BoundedCompression(ICompressionProvider inner, int bytesMax) : ICompressionProvider
{
    public string EncodingName => inner.EncodingName;

    public static IList<ICompressionProvider> All(int bytesMax) =>
    [
        new BoundedCompression(new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest), bytesMax),
        new BoundedCompression(new DeflateCompressionProvider(System.IO.Compression.CompressionLevel.Fastest), bytesMax),
    ];

    public Stream CreateCompressionStream(Stream stream, System.IO.Compression.CompressionLevel? compressionLevel) => inner.CreateCompressionStream(stream, compressionLevel);

    public Stream CreateDecompressionStream(Stream stream) => new Bounded(inner.CreateDecompressionStream(stream), inner.EncodingName, bytesMax);

    private sealed class Bounded(Stream inner, string name, int bytesMax) : Stream
    {
        private long _bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int count;
            try
            {
                count = inner.Read(buffer);
            }
            catch (InvalidDataException)
            {
                throw RpcStatus.ToException(Failure.Invalid("message", $"its compression is malformed ({name})"));
            }

            _bytes += count;
            return _bytes <= bytesMax
                ? count
                : throw RpcStatus.ToException(Failure.Limit(new LimitExceeded("message", "limits.messageBytesMax", bytesMax, _bytes)));
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
