using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace KvRaft.Node.Http;

/// <summary>The input of one connection, which ends a read before a stream that may not be delivered yet. HTTP/1.1 passes unchanged. One reader; <see cref="OnBegun"/> on any thread.</summary>
internal sealed class PacedInput(StreamPace pace, PipeReader input, TimeProvider time) : PipeReader
{
    private const int FrameHeadBytes = 9;
    private const byte HeadersFrame = 1;

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private readonly Lock _lock = new();
    private TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private bool _isOver;

    // Of the reader. Positions are bytes since the connection began.
    private Protocol _protocol;
    private readonly byte[] _head = new byte[FrameHeadBytes];
    private int _headBytes;
    private long _payload;
    private long _delivered;
    private long _scanned;
    private int _lastStream;
    private ReadOnlySequence<byte> _last;
    private bool _isCut;

    private enum Protocol
    {
        Unknown,
        Other,
        Http2,
    }

    /// <summary>A call of this connection has reached the code of the node.</summary>
    public void OnBegun()
    {
        lock (_lock)
        {
            if (_waiting == 0)
            {
                return;
            }

            _waiting--;
            pace.Add(-1);
            _begun.TrySetResult();
        }
    }

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        lock (_lock)
        {
            pace.Add(-_waiting);
            (_waiting, _isOver) = (0, true);
            _begun.TrySetResult();
        }
    }

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (Deliver(read) is { } delivered)
            {
                return delivered;
            }

            // Nothing of it may be delivered before a stream begins.
            input.AdvanceTo(read.Buffer.Start);
            await WhenBegunAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        if (input.TryRead(out var read))
        {
            if (Deliver(read) is { } delivered)
            {
                result = delivered;
                return true;
            }

            input.AdvanceTo(read.Buffer.Start);
        }

        result = default;
        return false;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _delivered += _last.Slice(_last.Start, consumed).Length;
        _last = default;

        // Behind a cut there are bytes that the reader has not seen: with everything up to it examined, the next read would wait for more bytes of the client.
        input.AdvanceTo(consumed, _isCut ? consumed : examined);
    }

    public override void CancelPendingRead() => input.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        End();
        input.Complete(exception);
    }

    /// <summary>The part of a read that may be delivered; null: nothing of it.</summary>
    private ReadResult? Deliver(ReadResult read)
    {
        _isCut = false;
        var buffer = read.Buffer;
        if (_protocol != Protocol.Other && !read.IsCanceled)
        {
            var allowed = Scan(buffer);
            if (allowed < buffer.Length)
            {
                if (allowed == 0)
                {
                    return null;
                }

                (_isCut, buffer) = (true, buffer.Slice(0, allowed));
            }
        }

        _last = buffer;
        return new ReadResult(buffer, read.IsCanceled, read.IsCompleted && !_isCut);
    }

    /// <summary>Counts the streams that begin in the bytes, and ends before one that may not be delivered.</summary>
    /// <returns>The bytes that may be delivered.</returns>
    private long Scan(ReadOnlySequence<byte> buffer)
    {
        if (_protocol == Protocol.Unknown && !TryRecognize(buffer))
        {
            return buffer.Length;
        }

        var reader = new SequenceReader<byte>(buffer);
        reader.Advance(_scanned - _delivered);
        while (!reader.End)
        {
            if (_payload > 0)
            {
                var passed = Math.Min(_payload, reader.Remaining);
                reader.Advance(passed);
                _payload -= passed;
                continue;
            }

            // The head may come in parts, and the reader may have received the first of them.
            var part = (int)Math.Min(FrameHeadBytes - _headBytes, reader.Remaining);
            reader.TryCopyTo(_head.AsSpan(_headBytes, part));
            if (_headBytes + part == FrameHeadBytes)
            {
                if (!MayDeliver(_head))
                {
                    break;
                }

                (_headBytes, _payload) = (0, (_head[0] << 16) | (_head[1] << 8) | _head[2]);
            }
            else
            {
                _headBytes += part;
            }

            reader.Advance(part);
        }

        _scanned = _delivered + reader.Consumed;
        return reader.Consumed;
    }

    /// <summary>True: this is HTTP/2. False: it is not, or too little has arrived.</summary>
    private bool TryRecognize(ReadOnlySequence<byte> buffer)
    {
        if (_delivered == 0 && buffer.Length < Preface.Length)
        {
            return false;
        }

        Span<byte> start = stackalloc byte[Preface.Length];
        if (_delivered == 0)
        {
            buffer.Slice(0, Preface.Length).CopyTo(start);
        }

        _protocol = start.SequenceEqual(Preface) ? Protocol.Http2 : Protocol.Other;
        _scanned = Preface.Length;
        return _protocol == Protocol.Http2;
    }

    /// <summary>False: the frame opens a stream, and another one must begin first.</summary>
    private bool MayDeliver(ReadOnlySpan<byte> head)
    {
        var stream = BinaryPrimitives.ReadInt32BigEndian(head[5..]) & int.MaxValue;
        if (head[3] != HeadersFrame || stream <= _lastStream)
        {
            return true;
        }

        if (!TryAdd())
        {
            return false;
        }

        _lastStream = stream;
        return true;
    }

    private bool TryAdd()
    {
        lock (_lock)
        {
            if (!_isOver && _waiting > 0 && pace.Waiting >= StreamPace.WaitingMax)
            {
                if (_begun.Task.IsCompleted)
                {
                    _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
                }

                return false;
            }

            if (!_isOver)
            {
                _waiting++;
                pace.Add(1);
            }

            return true;
        }
    }

    private async ValueTask WhenBegunAsync(CancellationToken cancellationToken)
    {
        Task begun;
        lock (_lock)
        {
            begun = _begun.Task;
        }

        try
        {
            await begun.WaitAsync(StreamPace.WaitMax, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            lock (_lock)
            {
                pace.Add(-_waiting);
                _waiting = 0;
            }
        }
    }
}
