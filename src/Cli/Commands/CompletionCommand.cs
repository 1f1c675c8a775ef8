using System.CommandLine;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl completion bash|zsh|fish</c>: prints a script that queries kvctl for completions, through the suggest directive of the command line
/// library. The script therefore supports every command without a change.
/// </summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # In ~/.bashrc: source <(kvctl completion bash)
        _kvctl() {
          local line=${COMP_LINE:0:COMP_POINT}
          COMPREPLY=()
          while IFS= read -r word; do COMPREPLY+=("$word"); done < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)
        }
        complete -o default -F _kvctl kvctl
        """;

    private const string Zsh = """
        #compdef kvctl
        # In ~/.zshrc, after compinit: source <(kvctl completion zsh)
        _kvctl() {
          local line="${words[1,CURRENT]}"
          local -a found
          found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
          compadd -a found
        }
        compdef _kvctl kvctl
        """;

    private const string Fish = """
        # In ~/.config/fish/config.fish: kvctl completion fish | source
        function __kvctl
          set -l line (commandline -cp)
          kvctl "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c kvctl -f -a "(__kvctl)"
        """;

    public static Command Create(CliConsole console)
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script for command line completion.") { shell };
        command.SetAction(async (parsed, _) =>
        {
            await console.Out.WriteLineAsync(parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return ExitCodes.Ok;
        });
        return command;
    }
}
