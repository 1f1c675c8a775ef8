using System.CommandLine;
using KvRaft.Benchmarks.Eventual;
using KvRaft.Benchmarks.Failover;
using KvRaft.Benchmarks.Idle;
using KvRaft.Benchmarks.Macro;
using KvRaft.Benchmarks.Micro;
using KvRaft.Benchmarks.Recovery;
using KvRaft.Benchmarks.SideBySide;

return await new RootCommand("Measures KvRaft. Everything it starts runs on loopback and ends with it; README.md says how to read the figures.")
{
    MacroVerb.Create(),
    IdleVerb.Create(),
    MicroVerb.Create(),
    SideBySideVerb.Create(),
    FailoverVerb.Create(),
    RecoveryVerb.Create(),
    EventualVerb.Create(),
}.Parse(args).InvokeAsync(new InvocationConfiguration
{
    // The end of three servers and the removal of their data take some time; without it they would be left behind.
    ProcessTerminationTimeout = TimeSpan.FromSeconds(15),
});
