using System.IO.Pipelines;

namespace KvRaft.Node.Http;

/// <summary>
/// Limits the HTTP/2 streams of a node that have arrived and have not reached its code. Kestrel makes an object of about 10 KiB for each stream as fast as it reads, and runs the calls later, so
/// a few hundred connections that open a thousand streams each use up the memory before <see cref="CallLimit"/> sees one of them. Here a connection does not deliver the next stream while
/// it has one that has not begun and the node has many. Thread-safe.
/// </summary>
internal sealed class StreamPace(TimeProvider time)
{
    /// <summary>Streams of all connections that may wait to begin: 10 MiB, and far more than a busy node has.</summary>
    internal const int WaitingMax = 1024;

    /// <summary>
    /// A stream that has not begun after this time never will: it was refused before it reached the code of the node (RFC 9113, 5.1.2), or its head is malformed. It no longer counts.
    /// </summary>
    internal static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(1);

    private int _waiting;

    /// <summary>Streams that have arrived and have not begun.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>The input of a new connection.</summary>
    public PacedInput Over(PipeReader input) => new(this, input, time);

    internal void Add(int streams) => Interlocked.Add(ref _waiting, streams);
}
