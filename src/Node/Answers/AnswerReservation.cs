namespace KvRaft.Node.Answers;

/// <summary>
/// Bytes that were taken of a window for one answer. At the end of its scope it releases the bytes that the answer does not hold, also if a failure left no answer; the bytes
/// that the answer holds are released when it was sent. For one thread at a time.
/// </summary>
internal sealed class AnswerReservation(AnswerWindow window, long bytes) : IDisposable
{
    private long _kept;

    /// <summary>There is an answer, and it holds so many bytes.</summary>
    public void Keep(long held) => _kept = held;

    public void Dispose() => window.Give(bytes - _kept);
}
