using System.Xml.Linq;
using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Timeline;

public class ProofPictureTests
{
    [Fact]
    public void The_picture_is_one_file_with_the_proof_and_the_fault_behind_it()
    {
        // Only the first put and the read that misses it are the proof; the others have the same key and are omitted.
        var history = new HistoryBuilder()
            .Put(0, "a").Ok(0).Put(2, "b").Info(2).Delete(3).Fail(3).Mark("partition-halves n1|n2,n3").Get(1).Saw(1, null).Mark("heal partition-halves").Build();
        var finding = Assert.Single(Linearizability.Check(history).Findings);

        var picture = ProofPicture.Of(finding, history)!;
        Assert.Equal(picture, ProofPicture.Of(finding, history));
        var root = XElement.Parse(picture);
        Assert.Equal("http://www.w3.org/2000/svg", root.Name.NamespaceName);
        Assert.DoesNotContain("src=", picture, StringComparison.Ordinal);
        var operations = root.Descendants().Where(static element => Classes(element).Contains("op")).ToList();
        Assert.Equal(finding.Operations.Select(static operation => operation.InvokedIndex).Distinct().Count(), operations.Count);
        Assert.All(operations, static operation => Assert.Contains("proof", Classes(operation)));
        Assert.Single(operations, static operation => Classes(operation).Contains("culprit"));
        Assert.Single(root.Descendants(), static element => Classes(element).Contains("fault"));

        // Names and lanes are side by side.
        var (names, lanes) = (root.Elements().Single(static element => Classes(element).Contains("names")), root.Elements().Single(static element => Classes(element).Contains("lanes")));
        Assert.Equal(names.Attribute("width")!.Value, lanes.Attribute("x")!.Value);
        Assert.Equal(names.Attribute("height")!.Value, lanes.Attribute("height")!.Value);
    }

    [Fact]
    public void A_finding_without_operations_has_no_picture() =>
        Assert.Null(ProofPicture.Of(new Finding("node-died", "n1 ended by itself"), new HistoryBuilder().Put(0, "a").Ok(0).Build()));

    private static string[] Classes(XElement element) => element.Attribute("class")?.Value.Split(' ') ?? [];
}
