using KvRaft.Placement.State;

namespace KvRaft.Placement.Rules;

/// <summary>Applies the commands about the settings of the driver to a state. Pure and idempotent.</summary>
internal static class SettingRules
{
    public static (PlacementState, PlacementOutcome) Change(PlacementState state, ChangeSettings change)
    {
        var settings = state.Operations.Settings;
        var changed = settings with
        {
            CopyMegabytes = change.CopyMegabytes ?? settings.CopyMegabytes,
            ForegroundP99Ms = change.ForegroundP99Ms ?? settings.ForegroundP99Ms,
            MovesAtOnce = change.MovesAtOnce ?? settings.MovesAtOnce,
            MovesAtOncePerNode = change.MovesAtOncePerNode ?? settings.MovesAtOncePerNode,
        };
        return changed.Mistake() is { } mistake ? (state, new PlacementRefused(PlacementRefusal.Invalid, mistake)) : Next(state, changed);
    }

    public static (PlacementState, PlacementOutcome) Pause(PlacementState state, PauseScheduler pause)
    {
        if (PlacementChecks.MistakeIn(pause) is { } mistake)
        {
            return (state, new PlacementRefused(PlacementRefusal.Invalid, mistake));
        }

        var settings = state.Operations.Settings;
        var paused = settings.Paused.RemoveAll(each => each.Scheduler == pause.Scheduler);
        if (pause.Pause)
        {
            paused = paused.Add(new PausedScheduler(pause.Scheduler, pause.UntilMs)).Sort(static (a, b) => a.Scheduler.CompareTo(b.Scheduler));
        }

        return Next(state, settings with { Paused = paused });
    }

    private static (PlacementState, PlacementOutcome) Next(PlacementState state, PlacementSettings settings)
    {
        if (settings == state.Operations.Settings)
        {
            return (state, new SettingsChanged(settings, state.Epoch));
        }

        var next = state.Next(operations: state.Operations with { Settings = settings });
        return (next, new SettingsChanged(settings, next.Epoch));
    }
}
