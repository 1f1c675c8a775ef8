using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl limits</c>: the limits that a node enforces; the names are the same as in refusals.</summary>
internal static class LimitsCommand
{
    public static Command Create(Shell shell)
    {
        var command = new Command("limits", "Show the limits in force.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var limits = await client.Administration.Calls.GetLimitsAsync(run.Cancellation);
            var listing = new Listing("limit", "value");
            foreach (var field in Limits.Descriptor.Fields.InDeclarationOrder())
            {
                listing.Add(field.Name, Convert.ToInt64(field.Accessor.GetValue(limits), System.Globalization.CultureInfo.InvariantCulture));
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }
}
