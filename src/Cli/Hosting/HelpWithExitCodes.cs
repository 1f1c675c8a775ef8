using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;

namespace KvRaft.Cli;

/// <summary>Help as ever, and below it what the exit codes mean, for every verb.</summary>
internal sealed class HelpWithExitCodes(SynchronousCommandLineAction usual) : SynchronousCommandLineAction
{
    public static void AddTo(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExitCodes((SynchronousCommandLineAction)help.Action!);
    }

    /// <summary>Whoever asks how a line is written has not written it yet.</summary>
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
