using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvRaft.Node.KeyValue;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Requests;

/// <summary>Every string of every request has a limit, by the descriptors of the calls: a new field of a new call is tested here as soon as it exists.</summary>
public sealed class RequestTextTests
{
    private static readonly string Long = new('n', RequestText.LengthMax + 1);

    private static readonly FileDescriptor[] Files =
    [
        KvReflection.Descriptor, KeyspacesReflection.Descriptor, RoutingReflection.Descriptor, AdminReflection.Descriptor, NodesReflection.Descriptor, MovesReflection.Descriptor,
        SchedulersReflection.Descriptor, RingReflection.Descriptor, EventualReflection.Descriptor, EventualReplicaReflection.Descriptor, EventualTreesReflection.Descriptor,
        EventualRepairReflection.Descriptor,
    ];

    private static IEnumerable<MessageDescriptor> Requests => Files.SelectMany(static file => file.Services)
        .SelectMany(static service => service.Methods).Select(static method => method.InputType).Distinct();

    [Fact]
    public void Each_string_of_each_request_is_refused_by_its_name_if_it_is_too_long()
    {
        var count = 0;
        foreach (var type in Requests)
        {
            foreach (var (message, path) in WithOneString(type, 6))
            {
                var failure = RequestText.Check(message);

                Assert.NotNull(failure);
                Assert.Equal((ErrorReasons.LimitExceeded, Execution.NotExecuted, path), (failure.Reason, failure.Execution, failure.Field));
                Assert.Contains(new("actual", $"{Long.Length}"), failure.Facts);
                count++;
            }

            Assert.Null(RequestText.Check(type.Parser.ParseFrom(ByteString.Empty)));
        }

        Assert.InRange(count, 50, 1000);
    }

    [Fact]
    public void Each_string_of_a_call_of_a_pipe_is_refused_if_it_is_too_long()
    {
        var count = 0;
        foreach (var (message, path) in WithOneString(PipeCall.Descriptor, 6))
        {
            var call = (PipeCall)message;
            SetKey(call);
            var failure = OperationTable.Of(call).Check(call, new Limits()) ?? SessionCheck.Check(call.Get?.Options, Guid.NewGuid());

            Assert.True(failure is { Reason: ErrorReasons.LimitExceeded or ErrorReasons.InvalidRequest, IsNotExecuted: true }, path);
            Assert.Equal(path, $"{call.OperationCase}.".ToLowerInvariant() + failure.Field);
            Assert.InRange(RpcStatus.ToDetail(failure).CalculateSize(), 1, 500);
            count++;
        }

        Assert.InRange(count, 6, 20);
    }

    [Fact]
    public void A_string_at_the_limit_is_taken() =>
        Assert.Null(RequestText.Check(new DropKeyspaceRequest { Name = new string('n', RequestText.LengthMax) }));

    private static void SetKey(PipeCall call)
    {
        var key = ByteString.CopyFromUtf8("k");
        switch (call.OperationCase)
        {
            case PipeCall.OperationOneofCase.Get: call.Get.Key = key; break;
            case PipeCall.OperationOneofCase.Put: call.Put.Key = key; break;
            case PipeCall.OperationOneofCase.Delete: call.Delete.Key = key; break;
            case PipeCall.OperationOneofCase.Increment: call.Increment.Key = key; break;
            case PipeCall.OperationOneofCase.Touch: call.Touch.Key = key; break;
        }

        if (call.Get?.Options?.AtLeast?.Session is { } session)
        {
            session.Format = 1;
        }
    }

    /// <summary>A message for each string that the type can have, with that string only.</summary>
    private static IEnumerable<(IMessage Message, string Path)> WithOneString(MessageDescriptor type, int depth)
    {
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            if (field.FieldType == FieldType.String)
            {
                var message = type.Parser.ParseFrom(ByteString.Empty);
                Set(message, field, Long);
                yield return (message, field.Name);
            }
            else if (field is { FieldType: FieldType.Message, IsMap: false } && depth > 0)
            {
                foreach (var (inner, path) in WithOneString(field.MessageType, depth - 1))
                {
                    var message = type.Parser.ParseFrom(ByteString.Empty);
                    Set(message, field, inner);
                    yield return (message, $"{field.Name}.{path}");
                }
            }
        }
    }

    private static void Set(IMessage message, FieldDescriptor field, object value)
    {
        if (field.IsRepeated)
        {
            ((System.Collections.IList)field.Accessor.GetValue(message)).Add(value);
        }
        else
        {
            field.Accessor.SetValue(message, value);
        }
    }
}
