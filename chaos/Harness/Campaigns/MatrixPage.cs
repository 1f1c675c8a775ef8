using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Matrix;

namespace KvRaft.Chaos.Campaigns;

/// <summary>The matrix for a terminal, and which part of it this machine can run.</summary>
internal static class MatrixPage
{
    public static async Task<int> ShowAsync(INodeHost host, NodeBuild? other)
    {
        var scratch = Directory.CreateTempSubdirectory("kvraft-chaos-").FullName;
        try
        {
            var abilities = await HostAbilities.LookAsync(host, other, scratch);
            Console.WriteLine($"{"fault",-22} {string.Join(' ', ScenarioMatrix.Workloads.Select(name => name.PadRight(9)))} what it does");
            var cells = 0;
            foreach (var fault in ScenarioMatrix.Faults)
            {
                var kind = FaultCatalog.Find(fault);
                var why = kind is null ? null : abilities.WhyNot(kind.Needs);
                cells += why is null ? ScenarioMatrix.Workloads.Count : 0;
                var marks = string.Join(' ', ScenarioMatrix.Workloads.Select(_ => (why is null ? "x" : "-").PadRight(9)));
                var what = kind?.What ?? (fault == FaultCatalog.NoFault ? "the control" : "all of them, by chance");
                Console.WriteLine($"{fault,-22} {marks} {what}{(why is null ? "" : $" (could not inject: {why})")}");
            }

            Console.WriteLine($"{cells} of {ScenarioMatrix.All.Count} cells can be run on this machine");
            return 0;
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }
}
