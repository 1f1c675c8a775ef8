using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using DotNext.Net.Cluster;
using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Transport;

/// <summary>
/// One Raft connection, between the socket and DotNext 6.12. It checks the head of each message before DotNext reads it, because DotNext trusts every
/// message: it raises its term, on disk, to the term in a message, allocates the declared length of an entry, installs a configuration that arrives with a snapshot,
/// and resigns on request.
/// <para>
/// DotNext's protocol alternates: a request, then its answer. Its server discards its read buffer before it answers, and takes the first byte it reads
/// afterwards as the kind of the next request; its client writes a request and takes the first bytes it reads afterwards as the answer. So the first read after
/// a write begins a message, by DotNext's own rule, and no message can be hidden behind another. A refused message ends the connection: DotNext reads the end of the stream.
/// </para>
/// </summary>
internal sealed class GuardedTransport : IDuplexPipe
{
    private readonly GuardedInput _input;

    private GuardedTransport(IDuplexPipe inner, TermGate terms, bool isServer)
    {
        _input = new GuardedInput(inner.Input, terms, isServer);
        Output = new GuardedOutput(inner.Output, _input);
    }

    public PipeReader Input => _input;

    public PipeWriter Output { get; }

    /// <summary>Requests arrive: only the kinds that this project uses, with an accepted term.</summary>
    public static GuardedTransport OfServer(IDuplexPipe inner, TermGate terms) => new(inner, terms, isServer: true);

    /// <summary>Answers arrive, with an accepted term.</summary>
    public static GuardedTransport OfClient(IDuplexPipe inner, TermGate terms) => new(inner, terms, isServer: false);

    private sealed class GuardedInput(PipeReader inner, TermGate terms, bool isServer) : PipeReader
    {
        private volatile bool _isAtMessage = true;
        private bool _isRefused;

        public void BeginMessage() => _isAtMessage = true;

        public override void AdvanceTo(SequencePosition consumed)
        {
            if (!_isRefused)
            {
                inner.AdvanceTo(consumed);
            }
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            if (!_isRefused)
            {
                inner.AdvanceTo(consumed, examined);
            }
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            _isAtMessage ? ReadHeadAsync(0, cancellationToken) : inner.ReadAsync(cancellationToken);

        protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken) =>
            _isAtMessage ? ReadHeadAsync(minimumSize, cancellationToken) : inner.ReadAtLeastAsync(minimumSize, cancellationToken);

        public override bool TryRead(out ReadResult result)
        {
            if (!_isAtMessage)
            {
                return inner.TryRead(out result);
            }

            if (_isRefused)
            {
                result = new ReadResult(default, isCanceled: false, isCompleted: true);
                return true;
            }

            if (!inner.TryRead(out result))
            {
                return false;
            }

            if (TryPass(ref result, out _))
            {
                return true;
            }

            inner.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            return false;
        }

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        private async ValueTask<ReadResult> ReadHeadAsync(int minimumSize, CancellationToken cancellationToken)
        {
            if (_isRefused)
            {
                return new ReadResult(default, isCanceled: false, isCompleted: true);
            }

            var needed = Math.Max(1, minimumSize);
            while (true)
            {
                var result = needed == 1
                    ? await inner.ReadAsync(cancellationToken).ConfigureAwait(false)
                    : await inner.ReadAtLeastAsync(needed, cancellationToken).ConfigureAwait(false);
                if (TryPass(ref result, out var whole))
                {
                    return result;
                }

                inner.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                needed = Math.Max(whole, minimumSize);
            }
        }

        /// <summary>False: the head of the message has not arrived yet, and the connection has not ended.</summary>
        private bool TryPass(ref ReadResult result, out int whole)
        {
            var mistake = Judge(result.Buffer, out whole);
            if (mistake is null && whole > result.Buffer.Length && !result.IsCanceled && !result.IsCompleted)
            {
                return false;
            }

            // A message whose head is cut off by the end of the connection has no effect in DotNext.
            result = Pass(result, mistake ?? (whole > result.Buffer.Length && result.IsCompleted && !result.Buffer.IsEmpty ? RaftMessageMistake.Incomplete : null));
            return true;
        }

        private RaftMessageMistake? Judge(in ReadOnlySequence<byte> buffer, out int needed)
        {
            Span<byte> head = stackalloc byte[RaftMessageHead.LengthMax];
            var length = (int)Math.Min(buffer.Length, RaftMessageHead.LengthMax);
            buffer.Slice(0, length).CopyTo(head);
            return isServer ? RaftMessageHead.OfRequest(head[..length], terms, out needed) : RaftMessageHead.OfAnswer(head[..length], terms, out needed);
        }

        private ReadResult Pass(ReadResult result, RaftMessageMistake? mistake)
        {
            if (mistake is not { } refused)
            {
                _isAtMessage = result.IsCanceled;
                return result;
            }

            _isRefused = true;
            if (refused != RaftMessageMistake.Incomplete)
            {
                terms.Refuse(refused.What, refused.Term);
            }

            inner.AdvanceTo(result.Buffer.End);
            return new ReadResult(default, isCanceled: false, isCompleted: true);
        }
    }

    private sealed class GuardedOutput(PipeWriter inner, GuardedInput input) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            input.BeginMessage();
            return inner.FlushAsync(cancellationToken);
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            input.BeginMessage();
            return inner.WriteAsync(source, cancellationToken);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);
    }
}

/// <summary>The reason why a message is not passed to DotNext.</summary>
internal readonly record struct RaftMessageMistake(string What, long Term)
{
    /// <summary>The connection ended within the head: this is not reported.</summary>
    public static readonly RaftMessageMistake Incomplete = new("incomplete", 0);
}

/// <summary>
/// The heads of DotNext 6.12's messages, as far as they are checked; integers are little-endian.
/// <code>
/// vote, pre-vote   u8 kind (1, 7) | 28 sender | i64 term | i64 last index | i64 last term | i32 state version
/// append entries   u8 kind (4)    | 28 sender | i64 term | i64 previous index | i64 previous term | i64 commit index | i32 entries | i32 state version
/// answers          i64 term | more
/// </code>
/// Pure except for the call of the gate.
/// </summary>
internal static class RaftMessageHead
{
    public const int LengthMax = 128;

    /// <summary>Maximum entries of one request: a run holds a megabyte (<see cref="GroupAuditTrail.RunBytesWanted"/>), and an entry takes at least 21 bytes.</summary>
    public const int EntriesMax = 1 << 20;

    private const byte Vote = 1;
    private const byte AppendEntries = 4;
    private const byte PreVote = 7;

    private static readonly int TermOffset = 1 + ClusterMemberId.Size;
    private static readonly int VoteLength = TermOffset + 8 + 8 + 8 + 4;
    private static readonly int AppendLength = TermOffset + 8 + 8 + 8 + 8 + 4 + 4;

    /// <param name="head">The message's first bytes, as many as have arrived.</param>
    /// <param name="terms">Decides which terms are accepted.</param>
    /// <param name="needed">The number of bytes needed for the check; if fewer have arrived, the result is null and has no meaning.</param>
    public static RaftMessageMistake? OfRequest(ReadOnlySpan<byte> head, TermGate terms, out int needed)
    {
        needed = 1;
        if (head.IsEmpty)
        {
            return null;
        }

        switch (head[0])
        {
            case Vote or PreVote:
                needed = VoteLength;
                return head.Length < needed ? null : OfVote(head, terms);
            case AppendEntries:
                needed = AppendLength;
                return head.Length < needed ? null : OfAppend(head, terms);
            default:
                return new RaftMessageMistake($"kind {head[0]}", 0);
        }
    }

    public static RaftMessageMistake? OfAnswer(ReadOnlySpan<byte> head, TermGate terms, out int needed)
    {
        needed = sizeof(long);
        if (head.Length < needed)
        {
            return null;
        }

        var term = BinaryPrimitives.ReadInt64LittleEndian(head);
        return terms.Admits(term) ? null : new RaftMessageMistake("answer", term);
    }

    private static RaftMessageMistake? OfVote(ReadOnlySpan<byte> head, TermGate terms)
    {
        var (term, index, lastTerm) = (Int64At(head, 0), Int64At(head, 1), Int64At(head, 2));
        return terms.Admits(term) && index >= 0 && lastTerm >= 0 && lastTerm <= term ? null : new RaftMessageMistake(head[0] == Vote ? "vote" : "pre-vote", term);
    }

    private static RaftMessageMistake? OfAppend(ReadOnlySpan<byte> head, TermGate terms)
    {
        var (term, index, previous, commit) = (Int64At(head, 0), Int64At(head, 1), Int64At(head, 2), Int64At(head, 3));
        var count = BinaryPrimitives.ReadInt32LittleEndian(head[(TermOffset + 32)..]);

        // If a leader does not have a term below its log start, it sends -1; no log holds that term, so the follower declines.
        return terms.Admits(term) && index >= 0 && previous >= -1 && previous <= term && commit >= 0 && count is >= 0 and <= EntriesMax
            ? null
            : new RaftMessageMistake("append entries", term);
    }

    private static long Int64At(ReadOnlySpan<byte> head, int number) => BinaryPrimitives.ReadInt64LittleEndian(head[(TermOffset + (8 * number))..]);
}
