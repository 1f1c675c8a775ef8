namespace KvRaft.Node.Answers;

/// <summary>
/// Room that was taken of a window for one answer. At the end of its scope it gives back what the answer does not hold, also if there is no answer because something failed; what the
/// answer holds is given back once it was sent. By one at a time.
/// </summary>
internal sealed class AnswerReservation(AnswerWindow window, long bytes) : IDisposable
{
    private long _kept;

    /// <summary>There is an answer, and it holds so many bytes.</summary>
    public void Keep(long held) => _kept = held;

    public void Dispose() => window.Give(bytes - _kept);
}
