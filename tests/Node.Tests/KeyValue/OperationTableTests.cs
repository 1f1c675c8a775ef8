using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvRaft.Node.KeyValue;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.KeyValue;

/// <summary>Every operation of the pipe protocol has a line in the table, and each operation finds its own parts in the messages.</summary>
public sealed class OperationTableTests
{
    public static TheoryData<string> Names => [.. OneofOf(PipeCall.Descriptor).Select(static part => part.Name)];

    [Fact]
    public void Every_operation_of_a_pipe_has_a_line() =>
        Assert.Equal(OneofOf(PipeCall.Descriptor).Select(static field => field.FieldNumber), OperationTable.All.Select(static operation => (int)operation.Case).Order());

    [Theory]
    [MemberData(nameof(Names))]
    public void The_answer_of_an_operation_has_the_number_of_its_call(string name) =>
        Assert.Equal(PipeCall.Descriptor.FindFieldByName(name).FieldNumber, PipeAnswer.Descriptor.FindFieldByName(name).FieldNumber);

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operation_reads_its_own_field(string name)
    {
        var (call, request) = Call(name);
        var operation = OperationTable.Of(call);
        var (header, key) = (new RequestHeader { Keyspace = "k" }, ByteString.CopyFromUtf8("key"));
        Assert.Null(operation.HeaderOf(call));
        Assert.NotNull(operation.OwnHeaderOf(call));
        Set(request, "header", header);
        Set(request, "key", key);

        Assert.Equal((call.OperationCase, name != "get"), (operation.Case, operation.IsWrite));
        Assert.Same(header, operation.HeaderOf(call));
        Assert.Same(header, operation.OwnHeaderOf(call));
        Assert.Same(key, operation.KeyOf(call));

        call.CorrelationId = 7;
        var copy = operation.Copy(call);
        Assert.Equal((0, call.OperationCase), (copy.CorrelationId, copy.OperationCase));
        Assert.Same(request, Field(PipeCall.Descriptor, name).Accessor.GetValue(copy));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operation_reads_its_own_answer(string name)
    {
        var field = Field(PipeAnswer.Descriptor, name);
        var response = field.MessageType.Parser.ParseFrom(ByteString.Empty);
        var answer = new PipeAnswer();
        field.Accessor.SetValue(answer, response);
        var header = new ResponseHeader();
        Set(response, "header", header);
        var values = field.MessageType.Fields.InDeclarationOrder().Where(static part => part.FieldType == FieldType.Message && part.MessageType == ValueState.Descriptor).ToArray();
        Array.ForEach(values, part => part.Accessor.SetValue(response, new ValueState { Value = ByteString.CopyFrom(new byte[100]) }));

        Assert.Same(header, OperationTable.Of(answer).HeaderOf(answer));
        Assert.Equal(100 * values.Length, OperationTable.HeldBytes(answer));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_error_holds_its_own_bytes(string name)
    {
        var (call, _) = Call(name);
        var answer = SingleKeyOperation.ToAnswer(call, Failure.Invalid("key", "must not be empty"));

        Assert.Null(OperationTable.Of(call).HeaderOf(answer));
        Assert.Equal(answer.Error.CalculateSize(), OperationTable.HeldBytes(answer));
        Assert.Equal(answer.Error.CalculateSize(), OperationTable.Of(call).HeldBytes(answer));
    }

    [Fact]
    public void A_call_without_an_operation_is_refused()
    {
        var call = new PipeCall { CorrelationId = 7 };

        var failure = OperationTable.Of(call).Check(call, new Limits())!;

        Assert.Equal((ErrorReasons.InvalidRequest, "operation", true), (failure.Reason, failure.Field, failure.IsNotExecuted));
        Assert.Contains("one of get, put, delete, increment, touch", failure.Message, StringComparison.Ordinal);
        Assert.Null(OperationTable.Of(call).HeaderOf(call));
    }

    private static IEnumerable<FieldDescriptor> OneofOf(MessageDescriptor message) => message.Oneofs[0].Fields.OrderBy(static field => field.FieldNumber);

    private static (PipeCall Call, IMessage Request) Call(string name)
    {
        var field = Field(PipeCall.Descriptor, name);
        var (call, request) = (new PipeCall(), field.MessageType.Parser.ParseFrom(ByteString.Empty));
        field.Accessor.SetValue(call, request);
        return (call, request);
    }

    private static void Set(IMessage message, string field, object value) => Field(message.Descriptor, field).Accessor.SetValue(message, value);

    private static FieldDescriptor Field(MessageDescriptor message, string name) => message.FindFieldByName(name);
}
