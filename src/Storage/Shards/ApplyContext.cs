namespace KvRaft.Storage.Shards;

/// <summary>What the parts of one apply share: the rows being changed, the state row that will describe them, and the timers.</summary>
internal sealed class ApplyContext(PendingChanges changes, ShardState state, DueTimes due)
{
    public PendingChanges Changes { get; } = changes;

    public DueTimes Due { get; } = due;

    /// <summary>Rewritten by the commands; becomes the state row of the batch.</summary>
    public ref ShardState State => ref _state;

    private ShardState _state = state;

    /// <summary>Log index of the entry being applied.</summary>
    public long Index => _state.Applied.Index + 1;

    /// <summary>The version of the command being applied.</summary>
    public long NextVersion() => ++_state.Revision;
}
