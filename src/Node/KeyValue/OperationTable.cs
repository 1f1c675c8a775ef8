using System.Collections.Immutable;
using KvRaft.Node.ShardRequests;
using KvRaft.V1;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// The single-key operations. A new one is a file beside this one, and one line here. An operation is found by the number of its field in a pipe call, and in an answer by the same number.
/// </summary>
internal static class OperationTable
{
    public static readonly ImmutableArray<SingleKeyOperation> All =
    [
        new GetOperation(),
        new PutOperation(),
        new DeleteOperation(),
        new IncrementOperation(),
        new TouchOperation(),
    ];

    private static readonly SingleKeyOperation[] ByNumber = Index();

    /// <summary>The operation of a call; <see cref="NoOperation"/> if it carries none.</summary>
    public static SingleKeyOperation Of(PipeCall call) => ByNumber[(int)call.OperationCase];

    /// <summary>The operation of an answer; <see cref="NoOperation"/> if the answer is an error.</summary>
    public static SingleKeyOperation Of(PipeAnswer answer) => ByNumber[(int)answer.ResultCase];

    /// <summary>Bytes of the values or of the error in an answer: the part of its window that it holds.</summary>
    public static long HeldBytes(PipeAnswer answer) => Of(answer).HeldBytes(answer);

    private static SingleKeyOperation[] Index()
    {
        var last = Math.Max((int)Enum.GetValues<PipeCall.OperationOneofCase>().Max(), (int)Enum.GetValues<PipeAnswer.ResultOneofCase>().Max());
        var table = new SingleKeyOperation[last + 1];
        Array.Fill(table, new NoOperation(string.Join(", ", All.Select(static operation => operation.Case.ToString().ToLowerInvariant()))));
        foreach (var operation in All)
        {
            table[(int)operation.Case] = operation;
        }

        return table;
    }
}
