using System.CommandLine;
using KvRaft.Benchmarks.Idle;
using KvRaft.Benchmarks.Macro;
using KvRaft.Benchmarks.Micro;

return await new RootCommand("Measures KvRaft. Everything it starts runs on loopback and ends with it; README.md says how to read the figures.")
{
    MacroVerb.Create(),
    IdleVerb.Create(),
    MicroVerb.Create(),
}.Parse(args).InvokeAsync();
