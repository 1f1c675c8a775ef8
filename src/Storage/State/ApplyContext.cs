using KvRaft.Storage.Commands;

namespace KvRaft.Storage.State;

/// <summary>What the parts of one apply share: the rows being changed, the state row that will describe them, and the timers.</summary>
internal sealed class ApplyContext(PendingChanges changes, ShardState state, DueTimes due)
{
    public PendingChanges Changes { get; } = changes;

    public DueTimes Due { get; } = due;

    /// <summary>
    /// Somebody on this node waits for the answers to the entry being applied. Where it is false, which is on every follower and in every replay, no values
    /// are kept for answers. Nothing that is stored may depend on it.
    /// </summary>
    public bool AnswersWanted { get; set; }

    /// <summary>Rewritten by the commands; becomes the state row of the batch.</summary>
    public ref ShardState State => ref _state;

    private ShardState _state = state;

    /// <summary>Log index of the entry being applied.</summary>
    public long Index => _state.Applied.Index + 1;

    /// <summary>
    /// The instant at which a value ends that the command being applied writes; 0 = never. The clock has taken the entry's stamp already, so a
    /// time-to-live is counted from the later of the two, by the clock that judges it.
    /// </summary>
    public long InstantOf(Expiry expiry) => expiry.InstantAt(_state.Clock);

    /// <summary>The version of the command being applied.</summary>
    public long NextVersion() => ++_state.Revision;
}
