using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KvRaft.Cli.Import;

/// <summary>
/// Splits a stream into lines without decoding it, so that the stored bytes equal those of the file. A line includes its newline; the last line may
/// have none.
/// </summary>
internal static class ByteLines
{
    public static async IAsyncEnumerable<byte[]> ReadAsync(Stream source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(source, new StreamPipeReaderOptions(leaveOpen: true));
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } newline)
            {
                var end = buffer.GetPosition(1, newline);
                yield return buffer.Slice(0, end).ToArray();
                buffer = buffer.Slice(end);
            }

            if (result.IsCompleted)
            {
                if (!buffer.IsEmpty)
                {
                    yield return buffer.ToArray();
                }

                await reader.CompleteAsync();
                yield break;
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }
}
