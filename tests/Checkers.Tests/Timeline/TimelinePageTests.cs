using System.Xml.Linq;
using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Timeline;

public class TimelinePageTests
{
    [Fact]
    public void The_page_is_one_file_and_deterministic()
    {
        var page = Render(Violation());
        Assert.Equal(page, Render(Violation()));
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page, StringComparison.Ordinal);
        Assert.StartsWith("<!doctype html>\n", page, StringComparison.Ordinal);
        Assert.EndsWith("</html>\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_drawing_is_well_formed()
    {
        var drawings = Drawings(Render(Violation()));
        Assert.Equal(["overview", "names", "lanes"], drawings.Select(drawing => drawing.Attribute("class")!.Value));
    }

    [Fact]
    public void The_proof_is_marked_and_the_rest_is_not()
    {
        var operations = Operations(Lanes(Render(Violation())));
        Assert.Equal(4, operations.Count);
        var culprit = Assert.Single(operations, operation => Has(operation, "culprit"));
        Assert.Contains("get -> null", culprit.Value, StringComparison.Ordinal);
        Assert.Equal(2, operations.Count(operation => Has(operation, "proof")));
        Assert.Single(operations, operation => Has(operation, "open"));
        Assert.Single(operations, operation => Has(operation, "failed"));
    }

    [Fact]
    public void A_fault_lies_behind_what_it_overlapped()
    {
        var lanes = Lanes(Render(Violation()));
        var fault = Assert.Single(lanes.Elements(), element => Has(element, "fault"));
        var read = Assert.Single(Operations(lanes), operation => Has(operation, "culprit"));
        Assert.True(Left(fault) < Left(read) && Left(fault) + Width(fault) > Left(read) + Width(read));
    }

    [Fact]
    public void Operations_of_one_lane_never_touch_and_every_label_fits()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var history = SimulatedRegister.Run(new RegisterPlan { Clients = 6, Operations = 150, OpenMax = 20 }, new Random(seed)).Build();
            var layout = LaneLayout(history);
            foreach (var lane in layout.GroupBy(operation => operation.Attribute("y")!.Value))
            {
                var ordered = lane.OrderBy(Left).ToList();
                Assert.All(ordered.Zip(ordered.Skip(1)), pair => Assert.True(Left(pair.First) + Width(pair.First) < Left(pair.Second)));
            }

            // Eleven-pixel monospace needs six and a half pixels per character.
            Assert.All(layout, operation => Assert.True(Width(operation) >= operation.Elements().Last().Value.Length * 6.5));
        }
    }

    [Fact]
    public void Overlap_in_the_drawing_is_overlap_in_the_history()
    {
        var history = SimulatedRegister.Run(new RegisterPlan { Clients = 5, Operations = 60 }, new Random(3)).Build();
        var placed = LaneLayout(history);
        for (var one = 0; one < placed.Count; one++)
        {
            for (var other = 0; other < placed.Count; other++)
            {
                Assert.Equal(history.Operations[one].Precedes(history.Operations[other]), Left(placed[one]) + Width(placed[one]) < Left(placed[other]));
            }
        }
    }

    [Fact]
    public void Values_cannot_break_out_of_the_page()
    {
        var history = new HistoryBuilder().Put(0, "</svg><script>alert('x')</script>\"&").Ok(0).Get(1).Saw(1, null).Build();
        var page = Render(history);
        Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
        Assert.Contains("alert", Operations(Lanes(page))[0].Value, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_key_is_cut_to_the_neighbourhood_of_its_proof()
    {
        var history = new HistoryBuilder();
        for (var round = 0; round < 1_000; round++)
        {
            history.Put(0, $"v{round}").Ok(0);
        }

        var page = Render(history.Get(1).Saw(1, "v500").Build());
        var shown = Operations(Lanes(page));
        Assert.InRange(shown.Count, 50, 130);
        Assert.Contains(shown, operation => operation.Value.Contains("\"v500\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Findings_beyond_the_limit_of_a_page_are_counted()
    {
        var history = new HistoryBuilder();
        for (var key = 0; key < 30; key++)
        {
            history.Put(0, "a", $"k{key}").Ok(0).Get(0, $"k{key}").Saw(0, null);
        }

        var page = Render(history.Build());
        Assert.Equal(10, page.Split("<section>").Length - 1);
        Assert.Contains("20 more", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_without_findings_or_operations_still_makes_a_page() =>
        Assert.Single(Drawings(Render(new HistoryBuilder().Build())));

    private static Chaos.Checkers.History Violation() => new HistoryBuilder()
        .Put(0, "a").Ok(0).Put(2, "b").Info(2).Delete(3).Fail(3).Mark("partition-halves n1|n2,n3").Get(1).Saw(1, null).Mark("heal partition-halves").Build();

    private static string Render(Chaos.Checkers.History history)
    {
        var page = new StringWriter();
        TimelinePage.Write(page, history, [Linearizability.Check(history)]);
        return page.ToString();
    }

    private static List<XElement> LaneLayout(Chaos.Checkers.History history)
    {
        var finding = new Finding("shown", "all of it") { Operations = [history.Operations[0]] };
        var verdict = new Verdict { Checker = "test", Judgement = Judgement.Violation, Findings = [finding] };
        var page = new StringWriter();
        TimelinePage.Write(page, history, [verdict]);
        return Operations(Lanes(page.ToString()));
    }

    private static List<XElement> Drawings(string page)
    {
        var drawings = new List<XElement>();
        var body = page[page.IndexOf("<body>", StringComparison.Ordinal)..page.IndexOf("<script>", StringComparison.Ordinal)];
        for (var at = body.IndexOf("<svg", StringComparison.Ordinal); at >= 0; at = body.IndexOf("<svg", at, StringComparison.Ordinal))
        {
            var end = body.IndexOf("</svg>\n", at, StringComparison.Ordinal);
            for (XElement? drawing = null; drawing is null; end = body.IndexOf("</svg>\n", end + 1, StringComparison.Ordinal))
            {
                // Drawings are nested: the end is the first closing tag that balances all opening tags.
                var text = body[at..(end + "</svg>".Length)];
                if (text.Split("<svg").Length == text.Split("</svg>").Length)
                {
                    drawings.Add(drawing = XElement.Parse(text));
                    at += text.Length;
                }
            }
        }

        return drawings;
    }

    private static XElement Lanes(string page) => Assert.Single(Drawings(page), drawing => Has(drawing, "lanes"));

    private static List<XElement> Operations(XElement lanes) => [.. lanes.Elements().Where(element => Has(element, "op"))];

    private static bool Has(XElement element, string name) => element.Attribute("class")?.Value.Split(' ').Contains(name) ?? false;

    private static double Left(XElement element) => double.Parse(element.Attribute("x")!.Value);

    private static double Width(XElement element) => double.Parse(element.Attribute("width")!.Value);
}
