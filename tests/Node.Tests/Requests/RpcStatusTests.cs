using System.Reflection;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Requests;

public sealed class RpcStatusTests
{
    private static readonly RouteHint Hint = new()
    {
        Shard = 3,
        LeaderNode = "n2",
        LeaderEndpoint = "10.0.0.2:7400",
        Term = 7,
        RingEpoch = 2,
        Replicas = { "n1", "n2" },
    };

    /// <summary>The table of the error model, row by row: failure, code, execution.</summary>
    public static TheoryData<string, StatusCode, string> Table => new()
    {
        { nameof(Failure.NotLeader), StatusCode.FailedPrecondition, "NOT_EXECUTED" },
        { nameof(Failure.WrongShard), StatusCode.FailedPrecondition, "NOT_EXECUTED" },
        { nameof(Failure.NoLeader), StatusCode.Unavailable, "NOT_EXECUTED" },
        { nameof(Failure.OutcomeUnknown), StatusCode.Unavailable, "UNKNOWN" },
        { nameof(Failure.Deadline), StatusCode.DeadlineExceeded, "UNKNOWN" },
        { nameof(Failure.Overloaded), StatusCode.ResourceExhausted, "NOT_EXECUTED" },
        { nameof(Failure.DiskFull), StatusCode.ResourceExhausted, "NOT_EXECUTED" },
        { nameof(Failure.Limit), StatusCode.InvalidArgument, "NOT_EXECUTED" },
        { nameof(Failure.Invalid), StatusCode.InvalidArgument, "NOT_EXECUTED" },
        { nameof(Failure.CrossShard), StatusCode.InvalidArgument, "NOT_EXECUTED" },
        { nameof(Failure.KeyspaceNotFound), StatusCode.NotFound, "NOT_EXECUTED" },
        { nameof(Failure.Draining), StatusCode.Unavailable, "NOT_EXECUTED" },
        { nameof(Failure.Internal), StatusCode.Internal, "UNKNOWN" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Each_failure_has_its_code_and_whether_it_was_executed(string name, StatusCode code, string execution)
    {
        var failure = Make(name);

        var error = RpcStatus.ToException(failure);

        Assert.Equal(code, error.StatusCode);
        var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal("kvraft", info.Domain);
        Assert.Equal(failure.Reason, info.Reason);
        Assert.Equal(execution, info.Metadata["execution"]);
    }

    [Theory]
    [MemberData(nameof(Table))]
    public void A_failure_survives_the_way_through_a_status_and_through_a_pipe(string name, StatusCode code, string execution)
    {
        _ = (code, execution);
        var failure = Make(name);

        foreach (var back in new[]
                 {
                     RpcStatus.ToFailure(RpcStatus.ToException(failure))!, RpcStatus.ToFailure(RpcStatus.ToDetail(failure)),
                 })
        {
            Assert.Equal(failure with { Facts = [] }, back with { Facts = [] });
            Assert.Equal(failure.Facts.OrderBy(fact => fact.Key), back.Facts.OrderBy(fact => fact.Key));
        }
    }

    [Fact]
    public void Every_reason_of_the_contract_has_a_code()
    {
        var contract = typeof(ErrorReasons).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.Name is not (nameof(ErrorReasons.Domain) or nameof(ErrorReasons.ExecutionKey)
                or nameof(ErrorReasons.NotExecuted) or nameof(ErrorReasons.Unknown)
                or nameof(ErrorReasons.AfterShardKey) or nameof(ErrorReasons.AfterIndexKey)))
            .Select(field => (string)field.GetRawConstantValue()!);

        Assert.Equal(contract.Order(StringComparer.Ordinal), RpcStatus.Reasons.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_limit_names_field_limit_actual_and_setting()
    {
        var status = RpcStatus.ToException(Make(nameof(Failure.Limit))).GetRpcStatus()!;

        var info = status.GetDetail<ErrorInfo>()!;
        Assert.Equal(("4096", "5000", "limits.keyBytesMax"), (info.Metadata["limit"], info.Metadata["actual"], info.Metadata["setting"]));
        Assert.Equal("key", Assert.Single(status.GetDetail<BadRequest>()!.FieldViolations).Field);
    }

    [Fact]
    public void A_delay_is_in_the_details_and_in_the_headers()
    {
        var error = RpcStatus.ToException(Failure.NoLeader(new ShardId(1), TimeSpan.FromMilliseconds(250)));

        Assert.Equal(250, error.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan().TotalMilliseconds);
        Assert.Equal("250", error.Trailers.GetValue("grpc-retry-pushback-ms"));
    }

    [Fact]
    public void A_full_disk_is_a_quota_without_a_delay()
    {
        var error = RpcStatus.ToException(Make(nameof(Failure.DiskFull)));

        Assert.NotNull(error.GetRpcStatus()!.GetDetail<QuotaFailure>());
        Assert.Null(error.GetRpcStatus()!.GetDetail<RetryInfo>());
        Assert.Null(error.Trailers.GetValue("grpc-retry-pushback-ms"));
    }

    [Fact]
    public void A_status_of_another_service_is_not_read_as_a_failure_of_this_one() =>
        Assert.Null(RpcStatus.ToFailure(new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "connection refused"))));

    private static Failure Make(string name) => name switch
    {
        nameof(Failure.NotLeader) => Failure.NotLeader(Hint),
        nameof(Failure.WrongShard) => Failure.WrongShard(Hint),
        nameof(Failure.NoLeader) => Failure.NoLeader(new ShardId(3), TimeSpan.FromMilliseconds(100)),
        nameof(Failure.OutcomeUnknown) => Failure.OutcomeUnknown(new ShardId(3)),
        nameof(Failure.Deadline) => Failure.Deadline(Execution.Unknown),
        nameof(Failure.Overloaded) => Failure.Overloaded("the queue", TimeSpan.FromMilliseconds(20)),
        nameof(Failure.DiskFull) => Failure.DiskFull(5, 10),
        nameof(Failure.Limit) => Failure.Limit(new LimitExceeded("key", "limits.keyBytesMax", 4096, 5000)),
        nameof(Failure.Invalid) => Failure.Invalid("key", "must not be empty"),
        nameof(Failure.CrossShard) => Failure.CrossShard("a in 1, b in 2", "success"),
        nameof(Failure.KeyspaceNotFound) => Failure.KeyspaceNotFound("carts"),
        nameof(Failure.Draining) => Failure.Draining("the node stops"),
        nameof(Failure.Internal) => Failure.Internal(Execution.Unknown),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown failure"),
    };
}
