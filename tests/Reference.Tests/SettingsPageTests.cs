using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using KvRaft.Cli;
using KvRaft.Client;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Administration;
using KvRaft.Node.Options;
using KvRaft.Node.Verbs;
using KvRaft.Placement.State;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Reference.Tests;

/// <summary>
/// <c>docs/reference/settings.md</c>: the settings of a node, of the placement driver and of the .NET client. Names, defaults and meanings come from the option
/// types; what is allowed is what the reader says when it is given a value that is not.
/// </summary>
public partial class SettingsPageTests
{
    // Defaults that are no constant.
    private static readonly Dictionary<string, string> Computed = new(StringComparer.Ordinal)
    {
        ["clusterId"] = "computed from `clusterName`",
        ["clusterName"] = "required, unless `clusterId` is given",
        ["nodeId"] = "required",
        ["dataDirectory"] = "required",
        ["publicListen"] = "the node's own `public` address, or its port on every interface",
        ["raftListen"] = "the node's own `raft` address, or its port on every interface",
        ["httpListen"] = "none",
        ["allowedHosts"] = "none",
        ["join"] = "none",
        ["clusterSecretFile"] = "none",
        ["replicationFactor"] = "3, or the number of nodes if that is less",
        ["limits:answerBytesInHandMax"] = "an eighth of the memory, from 32 MiB to 1 GiB",
        ["limits:bodyBytesInHandMax"] = "an eighth of the memory, from 32 MiB to 1 GiB",
        ["limits:callsInProgressMax"] = "one for each 256 KiB of memory, from 1,024 to 32,768",
        ["nodes:0:id"] = "required",
        ["nodes:0:raft"] = "required",
        ["nodes:0:public"] = "required",
        ["nodes:0:zone"] = "none",
        ["nodes:0:weight"] = "1",
    };

    private static readonly string[] OfANode = ["nodes:0:id", "nodes:0:raft", "nodes:0:public", "nodes:0:zone", "nodes:0:weight"];

    // Bounds of the settings of the placement driver, which every node checks when one is changed.
    private static readonly (string Name, string Property, string Allowed)[] OfPlacement =
    [
        ("copy-mb-per-second", nameof(PlacementSettings.CopyMegabytes), $"1 to {PlacementSettings.CopyMegabytesMax}"),
        ("foreground-p99-ms", nameof(PlacementSettings.ForegroundP99Ms), $"0 to {PlacementSettings.ForegroundP99MsMax}"),
        ("moves-at-once", nameof(PlacementSettings.MovesAtOnce), $"1 to {PlacementSettings.MovesAtOnceMax}"),
        ("moves-at-once-per-node", nameof(PlacementSettings.MovesAtOncePerNode), $"1 to {PlacementSettings.MovesAtOnceMax}"),
    ];

    private static readonly DocComments NodeDocs = DocComments.Of(typeof(NodeOptions).Assembly);
    private static readonly DocComments EventualDocs = DocComments.Of(typeof(EventualLimits).Assembly);

    [Fact]
    public void The_page_of_settings_is_that_of_the_code()
    {
        var clientDocs = DocComments.Of(typeof(KvClientOptions).Assembly);
        var placementDocs = DocComments.Of(typeof(PlacementSettings).Assembly);
        new ReferencePage("settings.md")
            .Line("# Settings")
            .Line()
            .Line("Generated from the option types; do not edit.")
            .Line()
            .Line("## A node")
            .Line()
            .Line("`kvraft node` reads a JSON file (`--config`), over it the environment, over it the flags. A setting of a section is `\"limits\": { \"keyBytesMax\": 1024 }` in the")
            .Line("file, `KVRAFT_LIMITS__KEY_BYTES_MAX=1024` in the environment and `--set limits.keyBytesMax=1024` on the command line. Names that end with `Ms` are milliseconds,")
            .Line("names with `Bytes` are bytes. A name that does not exist is refused, and all mistakes are reported at once. A change takes effect when the node starts again.")
            .Line("A bound that depends on another setting is shown for the defaults.")
            .Line()
            .Table(NodeHeads, SettingNames.All.Where(static name => !name.Contains(':', StringComparison.Ordinal)).Select(NodeRow))
            .Line("`nodes` is the list of the nodes that the cluster is founded with, the same on each of them; a node that joins lists itself alone. The parts of an entry, here the first:")
            .Line()
            .Table(NodeHeads, OfANode.Select(NodeRow))
            .Line("### limits")
            .Line()
            .Line("`kvctl limits` shows the limits in force.")
            .Line()
            .Table(NodeHeads, Section("limits:"))
            .Line("### timings")
            .Line()
            .Table(NodeHeads, Section("timings:"))
            .Line("### log")
            .Line()
            .Table(NodeHeads, Section("log:"))
            .Line("### eventual")
            .Line()
            .Table(NodeHeads, Section("eventual:"))
            .Line("### Flags of `kvraft node`")
            .Line()
            .Table(["flag", "meaning"], NodeVerb.Create().Options.Select(static option => new[] { $"`{option.Name}`", option.Description ?? "" }))
            .Line("## The placement driver")
            .Line()
            .Line("These are part of the replicated state of group 0, the same on every node, and take effect at once: `kvctl scheduler config set NAME VALUE`.")
            .Line()
            .Table(
                ["name", "default", "allowed", "meaning"],
                OfPlacement.Select(each => new[]
                {
                    $"`{each.Name}`", Shown(typeof(PlacementSettings).GetProperty(each.Property)!.GetValue(PlacementSettings.Default)), each.Allowed,
                    placementDocs.SummaryOf(typeof(PlacementSettings).GetProperty(each.Property)!),
                }))
            .Line("`kvctl scheduler pause NAME` and `resume NAME` stop and start one of the automatic schedulers:")
            .Line()
            .Table(
                ["scheduler", "what it does", "at first"],
                Enum.GetValues<SchedulerKind>().Select(static kind => SchedulerWire.ToWire(kind, PlacementSettings.Default, "", 1))
                    .Select(static one => new[] { $"`{one.Name}`", one.Does, one.Paused ? "paused" : "active" }))
            .Line("## The .NET client")
            .Line()
            .Line("Properties of `KvClientOptions`. The most common ones can be given in the connection string, `kvraft://host:port,host:port/keyspace?name=value&name=value`:")
            .Line()
            .Line("```")
            .Line(string.Join('\n', clientDocs.CodeOf(typeof(KvClient).Assembly.GetType("KvRaft.Client.ConnectionString")!).Split('\n').Select(static line => line.Trim())))
            .Line("```")
            .Line()
            .Table(
                ["property", "default", "meaning"],
                typeof(KvClientOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(static property => property.MetadataToken)
                    .Select(property => new[] { $"`{property.Name}`", Shown(property.GetValue(new KvClientOptions())), clientDocs.SummaryOf(property) }))
            .AssertCurrent();
    }

    [Fact]
    public void Each_setting_has_an_option_with_a_description() =>
        Assert.All(SettingNames.All.Concat(OfANode), static setting => Assert.False(string.IsNullOrWhiteSpace(MeaningOf(PropertyOf(setting))), setting));

    [Fact]
    public void The_settings_of_the_placement_driver_are_those_of_kvctl()
    {
        var set = Kvctl.CreateRoot(new CliConsole(Stream.Null, Stream.Null, TextWriter.Null)).Root
            .Subcommands.Single(static command => command.Name == "scheduler").Subcommands.Single(static command => command.Name == "config")
            .Subcommands.Single(static command => command.Name == "set");
        Assert.Equal(string.Join(", ", OfPlacement.Select(static each => each.Name)) + ".", set.Arguments[0].Description);
    }

    private static readonly string[] NodeHeads = ["setting", "default", "allowed", "meaning"];

    private static IEnumerable<string[]> Section(string prefix) => SettingNames.All.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(NodeRow);

    private static string[] NodeRow(string setting) =>
    [
        $"`{Written(setting)}`<br>`{VariableOf(setting)}`", DefaultOf(setting), AllowedFor(setting), MeaningOf(PropertyOf(setting)),
    ];

    private static string Written(string setting) => setting.Replace("nodes:0:", "nodes[0].", StringComparison.Ordinal).Replace(':', '.');

    private static string VariableOf(string setting) =>
        "KVRAFT_" + string.Join("__", setting.Split(':').Select(static part => Hump().Replace(part, "_$0").ToUpperInvariant()));

    private static (object Options, PropertyInfo Property) PropertyOf(string setting)
    {
        var (section, name) = setting.Split(':') is [var first, .., var last] ? (first, last) : ("", setting);
        object options = section switch
        {
            "" => Read([]),
            "nodes" => Read([]).Nodes[0],
            "limits" => new Limits(),
            "timings" => new NodeTimings(),
            "log" => new LogSizes(),
            "eventual" => new EventualLimits(),
            var other => throw new InvalidOperationException($"{other} is a new section: describe it here."),
        };
        var bare = name.EndsWith("Ms", StringComparison.Ordinal) ? name[..^2] : name;
        var property = options.GetType().GetProperties().SingleOrDefault(each =>
            new[] { bare, bare + "Max", "Is" + bare }.Contains(each.Name, StringComparer.OrdinalIgnoreCase));
        Assert.True(property is not null, $"{setting} has no property in {options.GetType().Name}");
        return (options, property);
    }

    private static string MeaningOf((object Options, PropertyInfo Property) found) =>
        (found.Options is EventualLimits ? EventualDocs : NodeDocs).SummaryOf(found.Property);

    private static string DefaultOf(string setting)
    {
        var (options, property) = PropertyOf(setting);
        return Computed.TryGetValue(setting, out var computed) ? computed : Shown(property.GetValue(options));
    }

    /// <summary>What the reader answers to a value that no setting takes.</summary>
    private static string AllowedFor(string setting)
    {
        foreach (var wrong in new[] { "-1", "?", "" })
        {
            try
            {
                Read([new(setting, wrong)]);
            }
            catch (InvalidOptionsException refused)
            {
                var mistake = refused.Mistakes.FirstOrDefault(mistake => mistake.Field == Written(setting)) ?? refused.Mistakes[0];
                return Numbers().Replace(LeadingFrom().Replace(mistake.Allowed, ""), static number => Spaced(number.Value));
            }
        }

        return "any text";
    }

    private static NodeOptions Read(IEnumerable<KeyValuePair<string, string?>> changes)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["clusterName"] = "reference",
            ["nodeId"] = "n1",
            ["dataDirectory"] = "data",
        };
        for (var i = 0; i < 3; i++)
        {
            settings[$"nodes:{i}:id"] = $"n{i + 1}";
            settings[$"nodes:{i}:raft"] = $"10.0.0.{i + 1}:7500";
            settings[$"nodes:{i}:public"] = $"10.0.0.{i + 1}:7400";
        }

        return NodeOptionsReader.Read(SettingSources.Merge(null, new Dictionary<string, string>(), settings.Where(own => changes.All(change => change.Key != own.Key)).Concat(changes)));
    }

    private static string Shown(object? value) => value switch
    {
        null => "none",
        TimeSpan time => time.TotalMilliseconds.ToString(CultureInfo.InvariantCulture) is var ms && time >= TimeSpan.FromSeconds(1) ? $"{Spaced(ms)} ({Unit(time)})" : ms,
        int or long => Size(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        bool truth => truth ? "true" : "false",
        string text => text.Length == 0 ? "none" : $"`{text}`",
        TimeProvider => "the system's",
        System.Collections.IEnumerable => "none",
        _ => value.ToString()!,
    };

    private static string Unit(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{time.TotalHours:0.#} h" : time.TotalMinutes >= 1 ? $"{time.TotalMinutes:0.#} min" : $"{time.TotalSeconds:0.#} s";

    private static string Size(long value) =>
        value >= 1L << 30 && value % (1L << 30) == 0 ? $"{Spaced(value.ToString(CultureInfo.InvariantCulture))} ({value >> 30} GiB)"
        : value >= 1 << 20 && value % (1 << 20) == 0 ? $"{Spaced(value.ToString(CultureInfo.InvariantCulture))} ({value >> 20} MiB)"
        : Spaced(value.ToString(CultureInfo.InvariantCulture));

    private static string Spaced(string number) => long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
        ? value.ToString("N0", CultureInfo.InvariantCulture)
        : number;

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Hump();

    [GeneratedRegex(@"^from (?=\d)")]
    private static partial Regex LeadingFrom();

    [GeneratedRegex(@"(?<![.:\w])\d{4,}(?![.\w])")]
    private static partial Regex Numbers();
}
