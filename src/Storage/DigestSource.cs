namespace KvRaft.Storage;

/// <summary>The state of a machine at one position, held until its digest is computed. Disposal releases the state.</summary>
/// <param name="compute">Computes the digest. It reports the number of bytes read since the last call; an exception of that callback ends it.</param>
/// <param name="release">Releases the state.</param>
public sealed class DigestSource(Func<Action<int>, ulong> compute, Action release) : IDisposable
{
    public ulong Compute(Action<int> read) => compute(read);

    public void Dispose() => release();
}
