using Xunit.Sdk;
using Xunit.v3;

// A cluster is three processes that elect and sync; two clusters at once on a machine of two cores would test its scheduler.
[assembly: Parallelization(Mode = ParallelMode.None)]
