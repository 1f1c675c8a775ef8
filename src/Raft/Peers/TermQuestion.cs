using System.Buffers.Binary;
using KvRaft.Raft.Log;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>The question whether a replica is still in this term, or an earlier one.</summary>
internal readonly record struct TermQuestion(ReplicaKey Replica, long Term);

/// <summary>
/// Questions of many groups in one message. The body of a question is <c>i32 group | i32 incarnation | i64 term</c>, repeated; of the answer one byte
/// each, 1 for yes. Little-endian.
/// </summary>
internal static class TermFrame
{
    public const int QuestionLength = 4 + 4 + 8;

    /// <summary>64 KiB in a message; further questions wait for the next message.</summary>
    public const int QuestionsMax = 4096;

    public static byte[] Encode(IReadOnlyList<TermQuestion> questions)
    {
        var body = new byte[questions.Count * QuestionLength];
        for (var i = 0; i < questions.Count; i++)
        {
            var at = body.AsSpan(i * QuestionLength);
            BinaryPrimitives.WriteInt32LittleEndian(at, questions[i].Replica.Group.Value);
            BinaryPrimitives.WriteInt32LittleEndian(at[4..], questions[i].Replica.Incarnation);
            BinaryPrimitives.WriteInt64LittleEndian(at[8..], questions[i].Term);
        }

        return body;
    }

    /// <exception cref="PeerRequestException">The body does not consist of questions.</exception>
    public static TermQuestion[] Decode(ReadOnlySpan<byte> body)
    {
        if (body.Length % QuestionLength != 0 || body.Length / QuestionLength > QuestionsMax)
        {
            throw new PeerRequestException($"a body of {body.Length} bytes does not consist of 1 to {QuestionsMax} questions of {QuestionLength} bytes");
        }

        var questions = new TermQuestion[body.Length / QuestionLength];
        for (var i = 0; i < questions.Length; i++)
        {
            var at = body[(i * QuestionLength)..];
            questions[i] = new TermQuestion(
                new ReplicaKey(new GroupId(BinaryPrimitives.ReadInt32LittleEndian(at)), BinaryPrimitives.ReadInt32LittleEndian(at[4..])),
                BinaryPrimitives.ReadInt64LittleEndian(at[8..]));
        }

        return questions;
    }
}
