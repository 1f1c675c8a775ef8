using System.Globalization;

namespace KvRaft.Integration.Tests.Expiry;

/// <summary>
/// One reader's observations of one key that must expire at a given instant, judged by facts that are visible to a client: a read saw the
/// store at some moment between its start and its end, on the clock that all nodes of the test share. If the scheduler delays a reader,
/// that interval is wider and can hide a fault, but it never creates one.
/// </summary>
internal sealed class ExpiryWatch(string key, long expireAtMs, int toleranceMs)
{
    private readonly List<string> _faults = [];
    private bool _wasGone;

    public IReadOnlyList<string> Faults => _faults;

    /// <summary>The key was found absent at least once.</summary>
    public bool WasGone => _wasGone;

    /// <summary>How long after the given instant the latest read that still found the key had started; 0 if none did.</summary>
    public long LatestMs { get; private set; }

    /// <param name="beganMs">Just before the read was sent, Unix milliseconds.</param>
    /// <param name="endedMs">Just after its answer came.</param>
    /// <param name="found">Whether it found the key.</param>
    /// <param name="saidExpireAtMs">The expiry in its answer, if found.</param>
    public void Saw(long beganMs, long endedMs, bool found, long saidExpireAtMs)
    {
        if (!found)
        {
            _wasGone = true;
            Require(endedMs >= expireAtMs, $"gone {expireAtMs - endedMs} ms early");
            return;
        }

        LatestMs = Math.Max(LatestMs, beganMs - expireAtMs);
        Require(saidExpireAtMs == expireAtMs, $"its expiry moved by {saidExpireAtMs - expireAtMs} ms");
        Require(!_wasGone, "visible again after it was gone");
        Require(beganMs <= expireAtMs + toleranceMs, $"visible to a read that began {beganMs - expireAtMs} ms after it should have ended");
    }

    private void Require(bool holds, string fault)
    {
        if (!holds)
        {
            _faults.Add(string.Create(CultureInfo.InvariantCulture, $"{key}: {fault}"));
        }
    }
}
