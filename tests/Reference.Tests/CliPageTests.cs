using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;
using KvRaft.Cli;

namespace KvRaft.Reference.Tests;

/// <summary><c>docs/reference/cli.md</c>: the commands of kvctl with their arguments and options, from the command tree itself.</summary>
public class CliPageTests
{
    private static readonly RootCommand Root = Kvctl.CreateRoot(new CliConsole(Stream.Null, Stream.Null, TextWriter.Null) { Variable = static _ => null }).Root;

    [Fact]
    public void The_page_of_kvctl_is_that_of_the_code()
    {
        var page = new ReferencePage("cli.md")
            .Line("# kvctl")
            .Line()
            .Line("Generated from the command tree (`src/Cli`); do not edit. `kvctl VERB --help` prints the same. Examples are in [the guide](../guide.md),")
            .Line("[eventual keyspaces](../eventual.md) and [operations](../operations.md).")
            .Line()
            .Line("## Options of every command")
            .Line()
            .Line("A flag takes precedence over the environment variable in parentheses, and that over the default.")
            .Line()
            .Table(["option", "meaning", "default"], Root.Options.Where(static option => option.Recursive && option is not HelpOption).Select(OptionRow))
            .Line("## Exit codes")
            .Line()
            .Table(["code", "meaning"], ExitCodes.Meanings.Select(static code => new[] { $"{code.Code}", code.Meaning }))
            .Line("## Commands")
            .Line();
        foreach (var command in Root.Subcommands.SelectMany(command => WithParents(command, "kvctl")))
        {
            Write(page, command.Command, command.Path);
        }

        page.AssertCurrent();
    }

    [Fact]
    public void Every_command_argument_and_option_has_a_description()
    {
        var all = Root.Subcommands.SelectMany(command => WithParents(command, "kvctl")).ToArray();
        Assert.NotEmpty(all);
        string[] missing =
        [
            .. all.Where(static each => string.IsNullOrWhiteSpace(each.Command.Description)).Select(static each => each.Path),
            .. all.SelectMany(static each => each.Command.Options.Where(static option => string.IsNullOrWhiteSpace(option.Description)).Select(option => $"{each.Path} {option.Name}")),
            .. all.SelectMany(static each => each.Command.Arguments.Where(static argument => string.IsNullOrWhiteSpace(argument.Description)).Select(argument => $"{each.Path} <{argument.Name}>")),
        ];
        Assert.True(missing.Length == 0, string.Join('\n', missing));
    }

    private static IEnumerable<(Command Command, string Path)> WithParents(Command command, string parent)
    {
        var path = $"{parent} {command.Name}";
        return command.Subcommands.SelectMany(each => WithParents(each, path)).Prepend((command, path));
    }

    private static void Write(ReferencePage page, Command command, string path)
    {
        page.Line($"### {path}").Line().Line(command.Description ?? "").Line();
        if (command.Subcommands.Count > 0)
        {
            page.Line($"Commands: {string.Join(", ", command.Subcommands.Select(static each => $"`{each.Name}`"))}.").Line();
        }

        // A command that only groups others takes no arguments of its own.
        if (command.Action is null && command.Subcommands.Count > 0)
        {
            return;
        }

        var words = command.Arguments.Select(Usage).Prepend(path).Concat(command.Options.Count > 0 ? ["[options]"] : []);
        page.Line("```").Line(string.Join(' ', words)).Line("```").Line();
        if (command.Arguments.Count + command.Options.Count > 0)
        {
            page.Table(
                ["name", "meaning", "default"],
                command.Arguments.Select(static argument => new[] { $"`<{argument.Name}>`", argument.Description ?? "", Default(argument.HasDefaultValue, argument.GetDefaultValue) })
                    .Concat(command.Options.Select(OptionRow)));
        }
    }

    private static string Usage(Argument argument)
    {
        var name = $"<{argument.Name}>" + (argument.Arity.MaximumNumberOfValues > 1 ? "..." : "");
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
    }

    private static string[] OptionRow(Option option) =>
    [
        $"`{string.Join("`, `", option.Aliases.Order(StringComparer.Ordinal).Prepend(option.Name))}{Value(option)}`",
        (option.Description ?? "") + (option.Required ? " Required." : ""),
        Default(option.HasDefaultValue && option.ValueType != typeof(bool), option.GetDefaultValue),
    ];

    private static string Value(Option option) =>
        option.Arity.MaximumNumberOfValues == 0 || option.ValueType == typeof(bool) ? ""
        : $" <{option.HelpName ?? Choices(option) ?? option.Name.TrimStart('-')}>";

    private static string? Choices(Option option)
    {
        var type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        var completions = option.GetCompletions(CompletionContext.Empty).Select(static item => item.Label).ToArray();
        return type.IsEnum ? string.Join('|', Enum.GetNames(type).Select(static name => name.ToLowerInvariant()))
            : completions.Length > 0 ? string.Join('|', completions) : null;
    }

    private static string Default(bool hasOne, Func<object?> value) => hasOne ? value() switch
    {
        null or "" => "",
        IEnumerable<object> many => string.Join(' ', many),
        IFormattable one => one.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        var other => other.ToString() ?? "",
    }
    : "";
}
