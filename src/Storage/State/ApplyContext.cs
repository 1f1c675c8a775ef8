using KvRaft.Storage.Commands;

namespace KvRaft.Storage.State;

/// <summary>The values that the parts of one apply share: the changed rows, the state row that will describe them, and the timers.</summary>
internal sealed class ApplyContext(PendingChanges changes, ShardState state, DueTimes due)
{
    public PendingChanges Changes { get; } = changes;

    public DueTimes Due { get; } = due;

    /// <summary>
    /// A caller on this node waits for the answers to the entry being applied. If false, as on every follower and in every replay, no values
    /// are kept for answers. The stored state must not depend on it.
    /// </summary>
    public bool AnswersWanted { get; set; }

    /// <summary>Rewritten by the commands; becomes the state row of the batch.</summary>
    public ref ShardState State => ref _state;

    private ShardState _state = state;

    /// <summary>Log index of the entry being applied.</summary>
    public long Index => _state.Applied.Index + 1;

    /// <summary>
    /// The instant at which a value expires that the current command writes; 0 = never. The clock includes the stamp of the entry already, so a
    /// time-to-live counts from the later of the two, by the clock that decides about its expiry.
    /// </summary>
    public long InstantOf(Expiry expiry) => expiry.InstantAt(_state.Clock);

    /// <summary>The version of the command being applied.</summary>
    public long NextVersion() => ++_state.Revision;
}
