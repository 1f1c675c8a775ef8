using Spectre.Console;

namespace KvRaft.Cli.Output;

internal static class Terminal
{
    /// <summary>Wide enough for every table, if the width of the terminal is unknown.</summary>
    private const int WidthWithoutTerminal = 240;

    /// <summary>A drawing surface over a writer. Tables are text without colours, so they can be copied anywhere.</summary>
    public static IAnsiConsole Create(TextWriter output)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = Math.Max(console.Profile.Width, WidthWithoutTerminal);
        return console;
    }
}
