using System.Globalization;

namespace KvRaft.Integration.Tests.Expiry;

/// <summary>
/// What one reader saw of one key that was promised to end at an instant, judged by what can be known from outside: a read saw the
/// store at some moment between its beginning and its end, on the clock that all nodes of the test share. A reader that was kept
/// from running widens that interval and so can hide a fault, but never invents one.
/// </summary>
internal sealed class ExpiryWatch(string key, long expireAtMs, int toleranceMs)
{
    private readonly List<string> _faults = [];
    private bool _wasGone;

    public IReadOnlyList<string> Faults => _faults;

    /// <summary>The key was found to be gone at least once.</summary>
    public bool WasGone => _wasGone;

    /// <summary>How long after the promised instant the latest read that still found the key had begun; 0 if none did.</summary>
    public long LatestMs { get; private set; }

    /// <param name="beganMs">Just before the read was sent, Unix milliseconds.</param>
    /// <param name="endedMs">Just after its answer came.</param>
    /// <param name="found">What it said.</param>
    /// <param name="saidExpireAtMs">The expiry it told, if found.</param>
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
