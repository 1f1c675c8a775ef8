using System.Globalization;
using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>An event id has one permanent meaning, and its thousands identify the component.</summary>
public class LogEventTests
{
    private static readonly Dictionary<string, int> Blocks = new(StringComparer.Ordinal)
    {
        ["src/Node"] = 1000,
        ["src/Raft"] = 2000,
        ["src/Storage"] = 3000,
        ["src/Placement"] = 4000,
        ["src/Client"] = 5000,
        ["src/Eventual"] = 6000,
    };

    private static readonly (string File, int? Id)[] Events =
    [
        .. Repository.CSharp("src").SelectMany(file => Regex.Matches(Repository.Read(file), @"\[LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)?")
            .Select(match => (file, match.Groups[1].Success ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : (int?)null))),
    ];

    [Fact]
    public void Every_event_has_its_id_in_front()
    {
        Assert.NotEmpty(Events);
        Findings.AssertNone(Events.Where(static found => found.Id is null).Select(static found => found.File), "An event without a number");
    }

    [Fact]
    public void No_id_is_used_twice() =>
        Findings.AssertNone(
            Events.GroupBy(static found => found.Id).Where(static group => group.Count() > 1)
                .Select(static group => $"{group.Key}: {string.Join(", ", group.Select(static found => found.File))}"),
            "Event ids");

    [Fact]
    public void Each_component_stays_in_its_block() =>
        Findings.AssertNone(
            Events.Where(static found => found.Id is { } id
                    && !(Blocks.TryGetValue(string.Join('/', found.File.Split('/').Take(2)), out var first) && id >= first && id < first + 1000))
                .Select(static found => $"{found.File}: {found.Id}"),
            "Node 1000, Raft 2000, Storage 3000, Placement 4000, Client 5000, Eventual 6000; a thousand each");

    [Fact]
    public void Events_are_declared_in_a_file_called_LogMessages() =>
        Findings.AssertNone(Events.Select(static found => found.File).Distinct().Where(static file => Path.GetFileName(file) != "LogMessages.cs"), "Events elsewhere");
}
