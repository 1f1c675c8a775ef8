using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;

namespace KvRaft.Raft.Groups;

/// <summary>
/// The state of a replica, and why it does not serve. A replica that failed or was closed does not become active again: each change names the state that it starts from, or is decided under
/// one lock.
/// <para>Thread-safe.</para>
/// </summary>
/// <param name="fault">What the replica lost before it was opened; null: nothing.</param>
internal sealed class ReplicaHealth(ReplicaFault? fault)
{
    private readonly Lock _failing = new();
    private volatile ReplicaFault? _fault = fault;
    private volatile ReplicaState _state = ReplicaState.Running;

    /// <summary>Why the replica rebuilds itself, without the condition that it waits for at the moment.</summary>
    private string? _reason;

    public ReplicaState State => _state;

    /// <summary>Why it does not serve; null while it serves.</summary>
    public ReplicaFault? Fault => _fault;

    /// <summary>Why it failed and waits to be closed; null while it runs or rebuilds itself.</summary>
    public ReplicaFault? Failure => _state == ReplicaState.Failed ? _fault : null;

    public bool IsRunning => _state == ReplicaState.Running;

    /// <summary>
    /// The replica votes, acknowledges and confirms: each vote and entry that it acknowledged is in its log. Its state may be missing; that affects only its readers.
    /// </summary>
    public bool TakesPart => _state == ReplicaState.Running || (_state == ReplicaState.Rebuilding && _fault is { Loss: ReplicaLoss.State });

    /// <summary>It has its log and its state. So it can lead, and other replicas can copy it.</summary>
    public bool IsWhole => _state is ReplicaState.Running or ReplicaState.CatchingUp;

    /// <summary>False: the replica was in another state and stays in it. A replica that failed meanwhile does not become active again.</summary>
    public bool TryEnter(ReplicaState from, ReplicaState to)
    {
        lock (_failing)
        {
            if (_state != from)
            {
                return false;
            }

            _state = to;
            return true;
        }
    }

    /// <summary>The replica is opened with a fault, and copies what it lost. Called before any other thread has the replica.</summary>
    public void BeginRebuild() => _state = ReplicaState.Rebuilding;

    /// <summary>The replica has again what it lost. It does not serve yet.</summary>
    public void ClearFault() => _fault = null;

    /// <summary>The replica has its state again. False: it failed meanwhile, and stays failed.</summary>
    public bool TryEndRebuild()
    {
        lock (_failing)
        {
            if (_state != ReplicaState.Rebuilding)
            {
                return false;
            }

            _fault = null;
            _state = ReplicaState.Running;
            return true;
        }
    }

    /// <summary>The condition that a replica in rebuild waits for, for its status.</summary>
    public void Explain(string waitsFor)
    {
        lock (_failing)
        {
            if (_state == ReplicaState.Rebuilding && _fault is { } fault)
            {
                _reason ??= fault.Message;
                _fault = fault with { Message = $"{_reason}; {waitsFor}" };
            }
        }
    }

    /// <summary>True: the replica fails now. False: it was closed or had failed before.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="onWorse">Called, under the lock, if the replica had failed before and this fault means a greater loss. Must be quick.</param>
    public bool TryFail(ReplicaFault fault, Action onWorse)
    {
        lock (_failing)
        {
            if (_state == ReplicaState.Stopped || (_state == ReplicaState.Failed && _fault is { } first && first.Loss <= fault.Loss))
            {
                return false;
            }

            _fault = fault;
            if (_state == ReplicaState.Failed)
            {
                // The replica failed earlier (for example, because the disk was full) and then was found damaged: it has left its group already.
                onWorse();
                return false;
            }

            _state = ReplicaState.Failed;
            return true;
        }
    }

    public void Stop() => _state = ReplicaState.Stopped;
}
