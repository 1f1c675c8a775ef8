using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;
using Microsoft.Extensions.Time.Testing;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Requests;

public sealed class AdmissionTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Admits_requests_up_to_the_bound_and_again_when_one_has_ended()
    {
        var admission = With(requests: 3, bytes: 100);

        Assert.Null(Enter(admission, 2, 10));
        Assert.Null(Enter(admission, 1, 10));
        var refusal = Enter(admission, 1, 10)!;
        admission.Leave(1, 10);
        Assert.Null(Enter(admission, 1, 10));

        Assert.Equal((ErrorReasons.Overloaded, true), (refusal.Reason, refusal.IsNotExecuted));
        Assert.True(refusal.RetryAfter > TimeSpan.Zero);
        Assert.Equal((3, 20, 1), (admission.Requests, admission.Bytes, admission.Refused));
    }

    [Fact]
    public void Bytes_count_as_well()
    {
        var admission = With(requests: 100, bytes: 100);

        Assert.Null(Enter(admission, 1, 90));
        Assert.NotNull(Enter(admission, 1, 20));
        admission.Leave(1, 90);

        Assert.Null(Enter(admission, 1, 20));
        Assert.Equal(20, admission.Bytes);
    }

    [Fact]
    public void A_request_larger_than_a_bound_is_admitted_alone()
    {
        var admission = With(requests: 2, bytes: 10);

        Assert.Null(Enter(admission, 50, 1000));
        Assert.NotNull(Enter(admission, 1, 1));
        admission.Leave(50, 1000);
        Assert.Null(Enter(admission, 1, 1));
        Assert.NotNull(Enter(admission, 50, 1));
    }

    [Fact]
    public void Refuses_a_request_that_would_wait_beyond_its_deadline()
    {
        var admission = With(requests: 1000, bytes: 1000);
        Assert.Null(Enter(admission, 700, 0));
        admission.Leave(100, 0);
        _time.Advance(TimeSpan.FromSeconds(1)); // A hundred a second: six seconds for the rest.

        Assert.Null(Enter(admission, 1, 0, TimeSpan.FromSeconds(7)));
        var refusal = Enter(admission, 1, 0, TimeSpan.FromSeconds(5))!;

        Assert.Equal(ErrorReasons.Overloaded, refusal.Reason);
        Assert.InRange(refusal.RetryAfter, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void A_few_waiting_requests_do_not_prevent_admission()
    {
        var admission = With(requests: 1000, bytes: 1000);
        Assert.Null(Enter(admission, 400, 0));
        admission.Leave(1, 0);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(Enter(admission, 1, 0, TimeSpan.FromMilliseconds(50)));
    }

    private Failure? Enter(Admission admission, int requests, long bytes, TimeSpan? patience = null) =>
        admission.TryEnter(requests, bytes, Deadline.After(patience ?? TimeSpan.FromMinutes(1), _time));

    private Admission With(int requests, long bytes) => new(
        new NodeOptions
        {
            ClusterId = Guid.NewGuid(),
            ClusterName = "test",
            NodeId = new NodeId("n1"),
            DataDirectory = ".",
            PublicListen = new(System.Net.IPAddress.Loopback, 0),
            RaftListen = new(System.Net.IPAddress.Loopback, 0),
            Nodes = [],
            Limits = new Limits { RequestsInHandMax = requests, BytesInHandMax = bytes },
        },
        _time);
}
