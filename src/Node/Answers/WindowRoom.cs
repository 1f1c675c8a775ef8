using KvRaft.Eventual.Replicas;
using KvRaft.Node.Requests;

namespace KvRaft.Node.Answers;

/// <summary>Bytes for states of eventual keys in an <see cref="AnswerWindow"/>; a refusal of the window is thrown as <see cref="NoRoomException"/>.</summary>
internal sealed class WindowRoom(AnswerWindow window) : IStateRoom
{
    private long _reserved;

    public int Guess => window.Guess;

    public static Failure FailureOf(NoRoomException full) => ((FailureException)full.InnerException!).Failure;

    /// <summary>
    /// Takes bytes for several states at once; later takes use them. If readers each held bytes for some of their states and waited for the rest, or were refused the
    /// rest, all of them would fail.
    /// </summary>
    /// <returns>Null: reserved. Otherwise the refusal; nothing was taken.</returns>
    public async ValueTask<Failure?> ReserveAsync(long bytes, CancellationToken cancellationToken)
    {
        if (await window.TakeAsync(bytes, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        Interlocked.Add(ref _reserved, bytes);
        return null;
    }

    /// <summary>Releases the bytes that are reserved and were not taken.</summary>
    public void GiveRest() => window.Give(Interlocked.Exchange(ref _reserved, 0));

    public async ValueTask TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        for (var reserved = Volatile.Read(ref _reserved); reserved >= bytes;)
        {
            var seen = Interlocked.CompareExchange(ref _reserved, reserved - bytes, reserved);
            if (seen == reserved)
            {
                return;
            }

            reserved = seen;
        }

        if (await window.TakeAsync(bytes, cancellationToken).ConfigureAwait(false) is { } refusal)
        {
            throw new NoRoomException(refusal.Message, new FailureException(refusal));
        }
    }

    public void Give(long bytes) => window.Give(bytes);

    public void Dispose() => window.Dispose();
}
