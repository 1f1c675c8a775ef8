using System.IO.Pipelines;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Tests.Transport;

/// <summary>A message is checked on every read path, including the last message of a connection that has ended.</summary>
public sealed class GuardedTransportTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_forged_message_behind_which_the_connection_ends_is_refused(bool isTried)
    {
        var (input, gate) = await ReceiveAsync(ForgedMessages.Vote(long.MaxValue), isEnded: true);
        var result = await ReadAsync(input, isTried);
        Assert.Equal((0L, true), (result.Buffer.Length, result.IsCompleted));
        Assert.Equal(1, gate.RefusedCount);

        // The next read does not return it either.
        Assert.Equal((0L, true), await ReadAsync(input, isTried) is var next ? (next.Buffer.Length, next.IsCompleted) : default);
        Assert.Equal(1, gate.RefusedCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_accepted_message_passes_whole(bool isTried)
    {
        var message = ForgedMessages.Vote(1, 0, 0);
        var (input, gate) = await ReceiveAsync(message, isEnded: true);
        Assert.Equal(message.Length, (await ReadAsync(input, isTried)).Buffer.Length);
        Assert.Equal(0, gate.RefusedCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_head_that_is_cut_by_the_end_of_the_stream_is_not_passed(bool isTried)
    {
        var (input, gate) = await ReceiveAsync(ForgedMessages.Vote(1)[..20], isEnded: true);
        var result = await ReadAsync(input, isTried);
        Assert.Equal((0L, true), (result.Buffer.Length, result.IsCompleted));
        Assert.Equal(0, gate.RefusedCount);
    }

    [Fact]
    public async Task An_incomplete_head_is_not_a_message_yet()
    {
        var (input, _) = await ReceiveAsync(ForgedMessages.Vote(1)[..20], isEnded: false);
        Assert.False(input.TryRead(out _));
    }

    private static async Task<(PipeReader Input, TermGate Gate)> ReceiveAsync(byte[] bytes, bool isEnded)
    {
        var (pipe, gate) = (new Pipe(), Wires.Terms());
        await pipe.Writer.WriteAsync(bytes);
        if (isEnded)
        {
            await pipe.Writer.CompleteAsync();
        }

        return (GuardedTransport.OfServer(new Ends(pipe.Reader, new Pipe().Writer), gate).Input, gate);
    }

    private static async Task<ReadResult> ReadAsync(PipeReader input, bool isTried) =>
        !isTried ? await input.ReadAsync() : input.TryRead(out var result) ? result : throw new InvalidOperationException("There is nothing to read.");

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
