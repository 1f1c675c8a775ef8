using System.CommandLine;
using System.Runtime.InteropServices;

namespace KvRaft.Cli.Lines;

/// <summary>
/// Commands line by line, from a terminal or a pipe: each line is a command line of kvctl without the word kvctl. A failure ends its line, not the
/// session. At a terminal, commands that change data are refused until <c>writemode on</c>, because a line may be typed into the wrong window; a
/// script does not need it.
/// </summary>
internal sealed class CommandLines
{
    private const string Help = """
        Every verb of kvctl, without the word kvctl; 'VERB --help' explains one. And:
          writemode on|off   whether verbs that change something are run
          history            what was typed
          help               this, and the verbs
          exit               end, as does Ctrl-D
        Words may be quoted: put greeting 'hello world'. Ctrl-C stops the command that runs.
        """;

    private readonly CliConsole _source;
    private readonly CliConsole _console;
    private readonly IReadOnlyList<(string Name, string Value)> _options;
    private readonly RootCommand _root;
    private readonly Shell _shell;
    private readonly List<string> _history = [];
    private int _firstFailure;
    private bool _ended;

    /// <param name="console">The source of the lines.</param>
    /// <param name="options">Global options from the command line; a line may override them.</param>
    /// <param name="createRoot">Makes the verbs of kvctl.</param>
    public CommandLines(CliConsole console, IReadOnlyList<(string Name, string Value)> options, Func<CliConsole, (RootCommand Root, Shell Shell)> createRoot)
    {
        _source = console;
        _console = console.WithoutInput();
        _options = options;
        (_root, _shell) = createRoot(_console);
    }

    public async Task<int> RunAsync()
    {
        if (_source.IsInteractive)
        {
            _shell.MayWrite = false;

            // A running command handles Ctrl-C itself, and the line editor reads it as a key; between the two it is ignored.
            using var survived = PosixSignalRegistration.Create(PosixSignal.SIGINT, static signal => signal.Cancel = true);
            await _console.Out.WriteLineAsync("Read-only until 'writemode on'; 'help' shows the commands, Ctrl-D ends the session.");
            await RunAllAsync(() => TerminalLines.Read(_shell.MayWrite ? "kvctl (writing)> " : "kvctl> ", _history));
            return ExitCodes.Ok;
        }

        using var reader = new StreamReader(_source.Input, leaveOpen: true);
        await RunAllAsync(reader.ReadLine);
        return _firstFailure;
    }

    private async Task RunAllAsync(Func<string?> next)
    {
        await _console.Out.FlushAsync();
        while (!_ended && next() is { } line)
        {
            var code = await RunAsync(line);
            await _console.Out.FlushAsync();
            _firstFailure = _firstFailure == ExitCodes.Ok ? code : _firstFailure;
        }
    }

    private async Task<int> RunAsync(string line)
    {
        IReadOnlyList<string> words;
        try
        {
            words = LineWords.Split(line);
        }
        catch (UsageException error)
        {
            await _console.Error.WriteLineAsync($"kvctl: {error.Message}");
            return ExitCodes.BadArguments;
        }

        if (words.Count == 0)
        {
            return ExitCodes.Ok;
        }

        if (_history.Count == 0 || _history[^1] != line)
        {
            _history.Add(line);
        }

        return words switch
        {
            ["writemode", "on" or "off"] => SetWriteMode(words[1] == "on"),
            ["history"] => await SayAsync(string.Join('\n', _history)),
            ["exit" or "quit"] => End(),
            ["help"] => await SayAsync(Help) + await CommandRun.RunAsync(["--help"], _console, _root),
            _ => await CommandRun.RunAsync([.. OptionsFor(words), .. words], _console, _root),
        };
    }

    /// <summary>The options of the session that the line does not set itself; an option must not occur twice.</summary>
    private IEnumerable<string> OptionsFor(IReadOnlyList<string> words)
    {
        var parsed = _root.Parse(words);
        return _options
            .Where(option => _root.Options.First(known => known.Name == option.Name) is var known && parsed.GetResult(known) is null or { Implicit: true })
            .SelectMany(option => new[] { option.Name, option.Value });
    }

    private int SetWriteMode(bool on)
    {
        _shell.MayWrite = on;
        return ExitCodes.Ok;
    }

    private async Task<int> SayAsync(string text)
    {
        await _console.Out.WriteLineAsync(text);
        return ExitCodes.Ok;
    }

    private int End()
    {
        _ended = true;
        return ExitCodes.Ok;
    }
}
