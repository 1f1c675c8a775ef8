namespace KvRaft.Storage;

/// <summary>The state of a machine at one position, held until its digest is computed. Disposing it lets the state go.</summary>
/// <param name="compute">Computes the digest, telling how many bytes were read since the last call; what that throws ends it.</param>
/// <param name="release">Lets the state go.</param>
public sealed class DigestSource(Func<Action<int>, ulong> compute, Action release) : IDisposable
{
    public ulong Compute(Action<int> read) => compute(read);

    public void Dispose() => release();
}
