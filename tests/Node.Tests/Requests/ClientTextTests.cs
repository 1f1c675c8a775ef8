using System.Text;
using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;
using Google.Protobuf;

namespace KvRaft.Node.Tests.Requests;

/// <summary>
/// Text of a client in an answer. A keyspace name of 4 MB came back twice in each refusal; a pipe of such calls whose answers were not read ended the process in seconds. A refusal with
/// keys that are not ASCII was larger than the metadata that clients accept, which the library reported as overload.
/// </summary>
public sealed class ClientTextTests
{
    private const int MetadataBytesMax = 8 << 10;

    public static TheoryData<string> Texts => ["a", "\u0001", "%", "\u00e9", "\u6f22", "\U0001f600", "\ud800", "\""];

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_text_is_cut_between_characters_and_has_the_number_of_those_left_out(string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, 1_000_000));

        var cut = ClientText.Cut(text, 128);

        Assert.InRange(Encoding.UTF8.GetByteCount(cut), 80, 128);
        var kept = cut[..cut.IndexOf("... (", StringComparison.Ordinal)];
        Assert.Equal(0, kept.Length % unit.Length);
        Assert.StartsWith(kept, text, StringComparison.Ordinal);
        Assert.Equal($"... ({text.Length - kept.Length} characters left out)", cut[kept.Length..]);
    }

    [Theory]
    [InlineData(128)]
    [InlineData(42)]
    public void A_text_that_fits_is_the_same(int length)
    {
        var text = new string('a', length);

        Assert.Same(text, ClientText.Cut(text, 128));
        Assert.NotEqual(new string('\u00e9', 65), ClientText.Cut(new string('\u00e9', 65), 128));
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_refusal_with_any_text_fits_into_metadata_with_a_margin(string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, 4_000_000 / unit.Length));
        Failure[] refusals =
        [
            Failure.KeyspaceNotFound(text), Failure.Invalid(text, "there is no such field"), Failure.Invalid("field", text), Failure.CrossShard(text, text),
            Failure.WrongMode(text, Topology.KeyspaceMode.Strong), Failure.Limit(new LimitExceeded(text, text, 1, 2)), Failure.Refused(ErrorReasons.DiskFull, text) with { Field = text },
            // The long names are few: a thousand of them would be gigabytes in this process, beside the tests that measure its memory.
            Failure.Invalid("field", text) with { Facts = [.. Enumerable.Range(0, 1000).Select(i => KeyValuePair.Create(i < 4 ? $"{i}{text}" : $"{i}", text))] },
        ];

        foreach (var refusal in refusals)
        {
            Assert.InRange(MetadataBytes(refusal), 1, MetadataBytesMax - 1024);
            Assert.InRange(RpcStatus.ToDetail(refusal).CalculateSize(), 1, 3 << 10);
        }
    }

    [Fact]
    public void Facts_that_do_not_fit_are_counted()
    {
        var failure = Failure.Invalid("field", "wrong") with { Facts = [.. Enumerable.Range(0, 300).Select(static i => KeyValuePair.Create($"shard.{i}", $"items[{i}].key"))] };

        var left = int.Parse(failure.Facts.Single(static fact => fact.Key == "facts_left_out").Value, System.Globalization.CultureInfo.InvariantCulture);

        Assert.InRange(left, 1, 299);
        Assert.Equal(300 - left, failure.Facts.Count - 1);
        Assert.Equal(new("shard.0", "items[0].key"), failure.Facts[0]);
    }

    /// <summary>The metadata as grpc-core counts it: name, value and 32 bytes for each, the message percent-encoded, the details in base64.</summary>
    private static int MetadataBytes(Failure failure)
    {
        var error = RpcStatus.ToException(failure);
        var message = Encoding.UTF8.GetBytes(error.Status.Detail).Sum(static each => each is < 0x20 or > 0x7e or (byte)'%' ? 3 : 1);
        return "grpc-message".Length + 32 + message
            + error.Trailers.Sum(static entry => entry.Key.Length + 32 + (entry.IsBinary ? (entry.ValueBytes.Length + 2) / 3 * 4 : entry.Value.Length));
    }
}
