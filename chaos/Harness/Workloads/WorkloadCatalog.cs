namespace KvRaft.Chaos.Workloads;

/// <summary>Every workload; a new one is a file and a line here.</summary>
internal static class WorkloadCatalog
{
    public static IReadOnlyDictionary<string, Func<IWorkload>> All { get; } = new SortedDictionary<string, Func<IWorkload>>(StringComparer.Ordinal)
    {
        ["append"] = () => new AppendWorkload(),
        ["bank"] = () => new BankWorkload(),
        ["converge"] = () => new ConvergeWorkload(),
        ["counter"] = () => new CounterWorkload(),
        ["large"] = () => new RegisterWorkload("register-large", paddingBytes: 900 << 10),
        ["lock"] = () => new LockWorkload(),
        ["register"] = () => new RegisterWorkload(),
        ["session"] = () => new SessionWorkload(),
        ["set"] = () => new SetWorkload(),
        ["siblings"] = () => new SiblingsWorkload(),
        ["ttl"] = () => new TtlWorkload(),
    };
}
