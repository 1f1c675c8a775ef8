using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Verdicts as JSON, for reports: <c>checker</c>, <c>judgement</c>, <c>reason</c>, <c>counts</c>, <c>figures</c>, and
/// <c>findings</c> of <c>anomaly</c>, <c>key</c>, <c>message</c>, <c>explanation</c> and <c>operations</c> (indexes of
/// invocation and completion in the history; a completion that never came is <c>null</c>).
/// </summary>
public static class VerdictJson
{
    private static readonly JsonWriterOptions Readable = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Render(Verdict verdict)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Readable))
        {
            Write(json, verdict);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Writes one verdict as an object into a document that the caller composes.</summary>
    public static void Write(Utf8JsonWriter json, Verdict verdict)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(verdict);
        json.WriteStartObject();
        json.WriteString("checker", verdict.Checker);
        json.WriteString("judgement", NameOf(verdict.Judgement));
        if (verdict.Reason is not null)
        {
            json.WriteString("reason", verdict.Reason);
        }

        json.WriteStartObject("counts");
        foreach (var (anomaly, count) in verdict.Counts)
        {
            json.WriteNumber(anomaly, count);
        }

        json.WriteEndObject();
        json.WriteStartObject("figures");
        foreach (var (name, value) in verdict.Figures)
        {
            json.WriteNumber(name, value);
        }

        json.WriteEndObject();
        json.WriteStartArray("findings");
        foreach (var finding in verdict.Findings)
        {
            Write(json, finding);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static string NameOf(Judgement judgement) => judgement switch
    {
        Judgement.Valid => "valid",
        Judgement.Violation => "violation",
        _ => "undecided",
    };

    private static void Write(Utf8JsonWriter json, Finding finding)
    {
        json.WriteStartObject();
        json.WriteString("anomaly", finding.Anomaly);
        if (finding.Key is not null)
        {
            json.WriteString("key", finding.Key);
        }

        json.WriteString("message", finding.Message);
        if (finding.Explanation is not null)
        {
            json.WriteString("explanation", finding.Explanation);
        }

        json.WriteStartArray("operations");
        foreach (var operation in finding.Operations)
        {
            json.WriteStartObject();
            json.WriteNumber("invoked", operation.InvokedIndex);
            if (operation.Completion is { } completion)
            {
                json.WriteNumber("completed", completion.Index);
            }
            else
            {
                json.WriteNull("completed");
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
