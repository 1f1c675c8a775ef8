namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The times in which a key was served, from the answers of its operations: sequences of answers with gaps of at most
/// <see cref="TtlOptions.SilenceMax"/>.
/// </summary>
internal sealed class ServedTimes
{
    private readonly long _silence;

    // The times of answers, and the start of the sequence of each.
    private readonly long[] _answers;
    private readonly long[] _since;

    public ServedTimes(IEnumerable<Operation> operations, TimeSpan? silenceMax)
    {
        const long NanosecondsPerTick = 100;
        _silence = silenceMax is { } silence ? silence.Ticks * NanosecondsPerTick : long.MaxValue;
        _answers = [.. operations.Where(AvailabilityChecker.IsAnswered).Select(static operation => operation.CompletedNanoseconds).Order()];
        _since = new long[_answers.Length];
        for (var place = 0; place < _answers.Length; place++)
        {
            _since[place] = place > 0 && _answers[place] - _answers[place - 1] <= _silence ? _since[place - 1] : _answers[place];
        }
    }

    /// <summary>
    /// The start of the uninterrupted service of the key at <paramref name="time"/>; <paramref name="time"/> itself if it was not served. 0 if gaps
    /// are not an excuse.
    /// </summary>
    public long ServedSince(long time)
    {
        if (_silence == long.MaxValue)
        {
            return 0;
        }

        var found = Array.BinarySearch(_answers, time);
        var last = found >= 0 ? found : ~found - 1;
        return last >= 0 && time - _answers[last] <= _silence ? _since[last] : time;
    }
}
