namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The operations that prove one finding, in lanes by process with the faults behind them: a picture for people who do not know the run.
/// </summary>
public static class ProofPicture
{
    /// <summary>A self-contained SVG; null if no operations prove the finding. The same input gives the same bytes.</summary>
    public static string? Of(Finding finding, History history)
    {
        ArgumentNullException.ThrowIfNull(finding);
        ArgumentNullException.ThrowIfNull(history);
        var proof = TimelineSelection.Proof(finding);
        var shown = history.Operations.Where(operation => proof.Contains(operation.InvokedIndex)).ToList();
        return shown.Count == 0 ? null : LaneSvg.Picture(LaneLayout.Of(shown, history.Marks), proof);
    }
}
