using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// A kind of use of the store, one file each. All workers of a run share a workload. Many workers call its methods at a time, but
/// each worker one call after the other.
/// </summary>
internal interface IWorkload
{
    /// <summary>Selects the checkers by the part before the first hyphen; see <see cref="Checkers.HistoryJudge"/>.</summary>
    string Name { get; }

    /// <summary>Figures the checkers need, for the header of the history.</summary>
    IReadOnlyDictionary<string, long> Parameters { get; }

    /// <summary>Before the first fault; writes here are part of the parameters and not of the history.</summary>
    Task PrepareAsync(IKvClient client);

    /// <summary>The eventual keyspace it uses, whose copies must become equal; null: none.</summary>
    KeyspaceInfo? Eventual => null;

    /// <summary>One operation, chosen by the random source of the worker.</summary>
    Task StepAsync(Worker worker);

    /// <summary>
    /// After everything was healed: reads back what the run wrote, and retries until each read is answered or the time is over.
    /// </summary>
    Task ReadBackAsync(Worker worker, CancellationToken cancel);
}
