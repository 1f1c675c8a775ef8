using KvRaft.Raft.Digests;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Digests;

public sealed class DigestRulesTests
{
    [Theory]
    [InlineData(3, new ulong[] { 7, 7, 7 }, true, null, "")]
    [InlineData(3, new ulong[] { 7, 7 }, true, null, "")]
    [InlineData(3, new ulong[] { 7, 7, 8 }, false, 7ul, "n3")]
    [InlineData(3, new ulong[] { 8, 7, 7 }, false, 7ul, "n1")]
    [InlineData(3, new ulong[] { 7, 8 }, false, null, "")]
    [InlineData(3, new ulong[] { 6, 7, 8 }, false, null, "")]
    [InlineData(2, new ulong[] { 7, 8 }, false, null, "")]
    [InlineData(4, new ulong[] { 7, 7, 8, 8 }, false, null, "")]
    [InlineData(5, new ulong[] { 7, 8, 7, 9, 7 }, false, 7ul, "n2 n4")]
    public void Only_more_than_half_of_all_voters_decide(int voters, ulong[] digests, bool areEqual, ulong? majority, string minority)
    {
        var nodes = Enumerable.Range(1, voters).Select(static number => new NodeId($"n{number}")).ToArray();
        var verdict = DigestRules.Judge(nodes, nodes.Zip(digests).ToDictionary(static pair => pair.First, static pair => pair.Second));
        Assert.Equal((areEqual, majority, minority), (verdict.AreEqual, verdict.Majority, string.Join(' ', verdict.Minority)));
    }
}
