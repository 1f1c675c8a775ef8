using System.Reflection;
using System.Text.RegularExpressions;
using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.Client.Routing;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Reference.Tests;

/// <summary>
/// <c>docs/reference/errors.md</c>: the reasons as error.proto describes them. The status of each is compared with what a node sends, and what the .NET
/// client does is taken from the client.
/// </summary>
public partial class ErrorsPageTests
{
    private static readonly Row[] Rows = [.. Read(File.ReadAllLines(Path.Combine(SourceTree.Root, "src/Contracts/Protos/kvraft/v1/error.proto")))];

    [Fact]
    public void The_page_of_errors_is_that_of_the_code()
    {
        var page = new ReferencePage("errors.md")
            .Line("# Errors")
            .Line()
            .Line("Generated from `src/Contracts/Protos/kvraft/v1/error.proto`, the node and the .NET client; do not edit.")
            .Line()
            .Line("Each failed call has a *reason*. A unary call carries it in the `google.rpc.ErrorInfo` of its status (domain `kvraft`), an answer of a pipe or a part of a")
            .Line("multi-key answer in an `ErrorDetail`, JSON over HTTP in `details`. The .NET client shows it as `KvException.Reason`, and kvctl prints it in its message.")
            .Line()
            .Line("Each error also says whether the request may have taken effect (metadata `execution`): **no** means NOT_EXECUTED, it did not and will not; **unknown** means")
            .Line("UNKNOWN, a write may have taken effect or may do so later; **either** means that the error itself says which of the two holds. An error of a read is never")
            .Line("harmful to repeat. A write with an unknown outcome is repeated with the same identity, which applies it once, or looked up with `kvctl result`.")
            .Line();
        foreach (var group in Rows.GroupBy(static row => row.Status))
        {
            page.Line($"## {group.Key}")
                .Line()
                .Table(
                    ["reason", "executed", "meaning", "what to do", "the .NET client"],
                    group.Select(static row => new[] { row.Reason, row.Executed, row.Meaning, row.Advice, ClientOf(row) }));
        }

        page.AssertCurrent();
    }

    [Fact]
    public void Each_reason_of_the_code_is_described_once()
    {
        string[] others = [ErrorReasons.Domain, ErrorReasons.ExecutionKey, ErrorReasons.NotExecuted, ErrorReasons.Unknown, ErrorReasons.AfterShardKey, ErrorReasons.AfterIndexKey];
        var constants = typeof(ErrorReasons).GetFields(BindingFlags.Public | BindingFlags.Static).Select(static field => (string)field.GetRawConstantValue()!).Except(others);

        Assert.Equal(constants.Order(StringComparer.Ordinal), Rows.Select(static row => row.Reason).Order(StringComparer.Ordinal));
        Assert.Equal(RpcStatus.Reasons.Order(StringComparer.Ordinal), Rows.Select(static row => row.Reason).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_described_status_is_the_one_that_a_node_sends() =>
        Assert.All(Rows, static row => Assert.Equal(row.Status.Replace("_", "", StringComparison.Ordinal), RpcStatus.CodeOf(row.Reason).ToString().ToUpperInvariant()));

    [Fact]
    public void Each_reason_has_a_meaning_and_advice() =>
        Assert.All(Rows, static row =>
        {
            Assert.NotEmpty(row.Meaning);
            Assert.NotEmpty(row.Advice);
        });

    private static string ClientOf(Row row) => FailureKinds.Of(Enum.Parse<StatusCode>(row.Status.Replace("_", "", StringComparison.Ordinal), ignoreCase: true), row.Reason) switch
    {
        FailureKind.Redirect => "repeats at the node of the hint",
        FailureKind.Unavailable or FailureKind.ReplicaUnfit => "repeats at another node",
        FailureKind.Overloaded => "repeats after the delay",
        FailureKind.Fault => $"repeats, {RetryPolicy.FaultAttemptsMax} attempts in all",
        FailureKind.Permanent when row.Reason == ErrorReasons.RequestIdExpired => "repeats if nothing was applied, else throws",
        FailureKind.Permanent => "throws",
        var other => throw new InvalidOperationException($"{other} has no words here."),
    };

    // A row: "//   REASON  STATUS  no|unknown|either", then lines of meaning, then lines of advice that begin with "Do:".
    private static IEnumerable<Row> Read(string[] lines)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            if (Head().Match(lines[i]) is { Success: true } head)
            {
                var text = string.Join(' ', lines.Skip(i + 1).TakeWhile(static line => Body().IsMatch(line)).Select(static line => Body().Match(line).Groups[1].Value));
                var parts = text.Split(" Do: ");
                yield return new Row(head.Groups[1].Value, head.Groups[2].Value, head.Groups[3].Value, parts[0], parts.Length > 1 ? parts[1] : "");
            }
        }
    }

    [GeneratedRegex("^//   ([A-Z_]+) +([A-Z_]+) +(no|unknown|either)$")]
    private static partial Regex Head();

    [GeneratedRegex("^//     (.+)$")]
    private static partial Regex Body();

    private sealed record Row(string Reason, string Status, string Executed, string Meaning, string Advice);
}
