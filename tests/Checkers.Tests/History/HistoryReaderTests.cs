using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.History;

public class HistoryReaderTests
{
    private const string Header = """{"header":{"format":"kvraft-history","version":1,"seed":7,"nodes":["n1","n2"],"parameters":{"total":100},"later":true}}""";

    private const string Example = """
        {"header":{"format":"kvraft-history","version":1,"seed":7}}
        {"index":0,"process":0,"type":"invoke","f":"put","key":"a","value":"p0-1","time":1000}
        {"index":1,"process":1,"type":"invoke","f":"get","key":"a","time":1200}
        {"index":2,"process":0,"type":"ok","f":"put","key":"a","time":5000,"revision":9}
        {"index":3,"process":1,"type":"ok","f":"get","key":"a","value":null,"time":5100}
        {"index":4,"process":0,"type":"invoke","f":"cas","key":"a","expected":"p0-1","value":"p0-2","time":6000}
        {"index":5,"process":0,"type":"info","f":"cas","key":"a","error":"timeout","time":1006000}
        {"index":6,"process":2,"type":"invoke","f":"cas","key":"a","expected":null,"value":"p2-1","time":1007000}
        {"index":7,"process":2,"type":"fail","f":"cas","key":"a","error":"cas-mismatch","time":1008000}
        {"index":8,"process":-1,"type":"info","f":"nemesis","value":"partition-halves n1,n2|n3","time":1009000}

        """;

    [Fact]
    public void Reads_the_example_of_the_format()
    {
        var history = Read(Example);
        Assert.Equal(7, history.Header.Seed);
        Assert.Equal(4, history.Operations.Count);
        Assert.Equal(9, history.Operations[0].Completion!.Revision);
        Assert.True(history.Operations[1].Result.IsNull);
        Assert.Equal(OperationOutcome.Unknown, history.Operations[2].Outcome);
        Assert.True(history.Operations[3].IsCompareMismatch);
        Assert.Equal(new FaultMark(8, 1_009_000, "partition-halves", "n1,n2|n3", false), Assert.Single(history.Marks));
        Assert.Equal(Judgement.Valid, Linearizability.Check(history).Judgement);
    }

    [Fact]
    public void Reads_the_header_and_ignores_unknown_members()
    {
        var header = Read(Header).Header;
        Assert.Equal(["n1", "n2"], header.Nodes);
        Assert.Equal(100, header.Parameters["total"]);
    }

    [Fact]
    public void A_history_is_read_back_and_written_again_byte_for_byte()
    {
        var reader = new HistoryReader(new StringReader(Example));
        var events = reader.ReadEvents().ToList();
        var written = Write(reader.Header!, events);
        var again = new HistoryReader(new StringReader(written));
        Assert.Equal(events, again.ReadEvents());
        Assert.Equal(written, Write(again.Header!, events));
        Assert.Contains("""{"index":4,"process":0,"type":"invoke","f":"cas","key":"a","expected":"p0-1","value":"p0-2","time":6000}""" + "\n", written, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"index":0,"process":0,"type":"invoke","f":"get","key":"a"}""", "time", "is missing")]
    [InlineData("""{"index":0.5,"process":0,"type":"invoke","f":"get","key":"a","time":1}""", "index", "must be an integer")]
    [InlineData("""{"index":-1,"process":0,"type":"invoke","f":"get","key":"a","time":1}""", "index", "is outside")]
    [InlineData("""{"index":0,"process":99999999999,"type":"invoke","f":"get","key":"a","time":1}""", "process", "is outside")]
    [InlineData("""{"index":0,"process":0,"type":"begin","f":"get","key":"a","time":1}""", "type", "is none of")]
    [InlineData("""{"index":0,"process":0,"type":"invoke","f":7,"key":"a","time":1}""", "f", "must be text")]
    [InlineData("""{"index":0,"process":0,"type":"invoke","f":"get","time":1}""", "key", "is missing")]
    [InlineData("""{"index":0,"process":0,"type":"invoke","f":"put","key":"a","value":null,"time":1}""", "value", "must be text")]
    [InlineData("""{"index":0,"process":0,"type":"invoke","f":"cas","key":"a","value":"b","time":1}""", "expected", "must be text or null")]
    [InlineData("""{"index":0,"process":0,"type":"ok","f":"get","key":"a","time":1}""", "process", "no operation running")]
    public void A_malformed_line_is_named_with_its_member(string line, string member, string reason)
    {
        var fault = Assert.Throws<HistoryFormatException>(() => Read(Header + "\n" + line));
        Assert.Equal(2, fault.Line);
        Assert.Equal(member, fault.Member);
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"index":0,"process":0""")]
    [InlineData("""{"index":0,"index":0,"process":0,"type":"invoke","f":"get","key":"a","time":1}""")]
    public void A_line_that_is_not_an_object_is_reported_with_its_number(string line)
    {
        var fault = Assert.Throws<HistoryFormatException>(() => Read(Header + "\n" + line + "\n" + Header));
        Assert.Equal(2, fault.Line);
    }

    [Theory]
    [InlineData("""{"header":{"format":"jepsen","version":1}}""", "format")]
    [InlineData("""{"header":{"format":"kvraft-history","version":2}}""", "version")]
    [InlineData("""{"header":7}""", "header")]
    public void A_foreign_header_is_refused(string line, string member) =>
        Assert.Equal(member, Assert.Throws<HistoryFormatException>(() => Read(line)).Member);

    [Fact]
    public void A_header_is_allowed_on_the_first_line_only() =>
        Assert.Equal(2, Assert.Throws<HistoryFormatException>(() => Read(Header + "\n" + Header)).Line);

    [Theory]
    [InlineData("index", """{"index":0,"process":1,"type":"invoke","f":"get","key":"a","time":9}""")]
    [InlineData("time", """{"index":9,"process":1,"type":"invoke","f":"get","key":"a","time":1}""")]
    [InlineData("process", """{"index":9,"process":0,"type":"invoke","f":"get","key":"a","time":9}""")]
    [InlineData("f", """{"index":9,"process":0,"type":"ok","f":"put","key":"a","time":9}""")]
    [InlineData("key", """{"index":9,"process":0,"type":"ok","f":"get","key":"b","value":null,"time":9}""")]
    [InlineData("value", """{"index":9,"process":0,"type":"ok","f":"get","key":"a","time":9}""")]
    public void An_event_that_does_not_fit_those_before_it_is_refused(string member, string line)
    {
        const string First = """{"index":5,"process":0,"type":"invoke","f":"get","key":"a","time":5}""";
        Assert.Equal(member, Assert.Throws<HistoryFormatException>(() => Read(First + "\n" + line)).Member);
    }

    [Fact]
    public void A_process_ends_with_an_info_event()
    {
        const string Retired = """
            {"index":0,"process":0,"type":"invoke","f":"get","key":"a","time":1}
            {"index":1,"process":0,"type":"info","f":"get","key":"a","time":2}
            {"index":2,"process":0,"type":"invoke","f":"get","key":"a","time":3}
            """;
        Assert.Contains("retired", Assert.Throws<HistoryFormatException>(() => Read(Retired)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("heal", "kill n1", true)]
    [InlineData("heal kill", "kill n1", true)]
    [InlineData("heal kill n1", "kill n1", true)]
    [InlineData("heal kill n2", "kill n1", false)]
    [InlineData("heal pause", "kill n1", false)]
    [InlineData("kill n1", "kill n1", false)]
    public void A_heal_ends_the_faults_it_names(string heal, string start, bool ends) =>
        Assert.Equal(ends, FaultMark.Parse(0, 0, heal).Ends(FaultMark.Parse(0, 0, start)));

    [Fact]
    public void A_fault_is_complete_between_its_start_and_its_end()
    {
        string[] texts = ["kill n1", "pause n2", "complete kill n1", "heal kill n1", "kill n1", "heal", "complete kill n1"];
        var marks = texts.Select((text, index) => FaultMark.Parse(index, index, text)).ToArray();

        var spans = FaultSpan.Of(marks);

        Assert.Equal(texts, marks.Select(static mark => mark.ToString()));
        Assert.Equal([(0, 2, 3), (1, 1, 5), (4, 4, 5)], spans.Select(static span => (span.Start.Index, span.Complete.Index, span.Heal!.Index)));
    }

    private static Chaos.Checkers.History Read(string text) => Chaos.Checkers.History.Read(new StringReader(text));

    private static string Write(HistoryHeader header, IEnumerable<HistoryEvent> events)
    {
        var text = new StringWriter();
        var writer = new HistoryWriter(text);
        writer.Write(header);
        foreach (var next in events)
        {
            writer.Write(next);
        }

        return text.ToString();
    }
}
