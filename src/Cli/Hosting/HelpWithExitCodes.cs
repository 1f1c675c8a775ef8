using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;

namespace KvRaft.Cli;

/// <summary>The standard help, followed by the meaning of the exit codes, for every command.</summary>
internal sealed class HelpWithExitCodes(SynchronousCommandLineAction usual) : SynchronousCommandLineAction
{
    public static void AddTo(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExitCodes((SynchronousCommandLineAction)help.Action!);
    }

    /// <summary>A user who requests help may have typed an incomplete command line.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var code = usual.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Exit codes:");
        foreach (var (number, meaning) in ExitCodes.Meanings)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {number,-4} {meaning}"));
        }

        output.WriteLine();
        return code;
    }
}
