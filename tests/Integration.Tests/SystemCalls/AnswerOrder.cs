using System.Buffers.Binary;
using System.Text;

namespace KvRaft.Integration.Tests.SystemCalls;

/// <summary>The number of answers of each kind that were judged, and those that left before their data was on the disk.</summary>
internal sealed record AnswerVerdict(int FollowerAnswers, int Votes, int ClientAnswers, IReadOnlyList<string> TooEarly);

/// <summary>
/// Judges one node's system calls. Every client write carries a unique token, so its bytes can be followed: received on a
/// connection, written to the log, synced, answered on the connection it came from.
/// <list type="bullet">
/// <item>A follower's answer to the entries, and the leader's answer to the client, must begin after an fdatasync (of the file the
/// token was written to, begun after that write had returned) has succeeded.</item>
/// <item>A granted vote must be answered after a record was written to the log and synced since the request arrived.</item>
/// </list>
/// Connections between nodes begin with <c>KVRF</c>, kind 1 for Raft; then requests and answers alternate (DotNext's TCP transport): the first byte
/// of a request is its type, an answer to a vote is term (8 bytes) and result (1 byte). A client's connection is HTTP/2; its
/// answer is the first HEADERS or DATA frame.
/// </summary>
internal static class AnswerOrder
{
    private const byte VoteQuestion = 1;
    private const byte AppendQuestion = 4;

    private static readonly byte[] PeerGreeting = "KVRF"u8.ToArray();
    private static readonly byte[] Http2Greeting = "PRI * HTTP/2.0"u8.ToArray();

    public static AnswerVerdict Judge(IReadOnlyList<SystemCall> calls, IReadOnlyCollection<string> tokens)
    {
        var wanted = tokens.Select(token => (Text: token, Bytes: Encoding.ASCII.GetBytes(token))).ToArray();
        var disk = new Disk(calls);
        var tooEarly = new List<string>();
        var (followerAnswers, votes, clientAnswers) = (0, 0, 0);
        foreach (var connection in Connections(calls))
        {
            foreach (var (question, questionLine, answer) in connection.Exchanges())
            {
                if (connection.IsPeer && question.Length > 0 && question[0] == VoteQuestion && IsGranted(answer.Bytes))
                {
                    votes++;
                    if (!disk.SyncedSomething(questionLine, answer.Begun))
                    {
                        tooEarly.Add($"line {answer.Begun}: a vote was granted without a sync since it was asked for");
                    }
                }

                if (connection.IsPeer ? question.Length == 0 || question[0] != AppendQuestion : !IsHttp2Answer(answer.Bytes))
                {
                    continue;
                }

                foreach (var (token, bytes) in wanted)
                {
                    if (question.AsSpan().IndexOf(bytes) < 0)
                    {
                        continue;
                    }

                    _ = connection.IsPeer ? followerAnswers++ : clientAnswers++;
                    if (!disk.Synced(bytes, answer.Begun))
                    {
                        tooEarly.Add($"line {answer.Begun}: {token} was answered before the sync that covers it");
                    }
                }
            }
        }

        return new AnswerVerdict(followerAnswers, votes, clientAnswers, tooEarly);
    }

    private static bool IsGranted(byte[] answer) =>
        answer.Length == 9 && BinaryPrimitives.ReadInt64LittleEndian(answer) > 0 && answer[8] == 1;

    /// <summary>At least one DATA (0) or HEADERS (1) frame; settings, pings and window updates are no answers (RFC 9113, section 6).</summary>
    private static bool IsHttp2Answer(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 9)
        {
            if (bytes[3] is 0 or 1)
            {
                return true;
            }

            var length = 9 + ((bytes[0] << 16) | (bytes[1] << 8) | bytes[2]);
            bytes = bytes[Math.Min(length, bytes.Length)..];
        }

        return false;
    }

    /// <summary>The connections whose beginning is in the trace: a descriptor is reused after it was closed, and begins again with a greeting.</summary>
    private static List<Connection> Connections(IReadOnlyList<SystemCall> calls)
    {
        var open = new Dictionary<int, Connection>();
        var all = new List<Connection>();
        foreach (var call in calls)
        {
            if (call.IsReceive && call.Bytes.Length >= 4)
            {
                var isPeer = call.Bytes.AsSpan().StartsWith(PeerGreeting) && call.Bytes.Length > 5 && call.Bytes[5] == 1;
                if (isPeer || call.Bytes.AsSpan().StartsWith(Http2Greeting))
                {
                    open[call.Descriptor] = new Connection(isPeer);
                    all.Add(open[call.Descriptor]);
                    if (!isPeer)
                    {
                        // The first request may come in the same packet as the greeting.
                        open[call.Descriptor].Add(call);
                    }

                    continue;
                }
            }

            if (call.Name == "close")
            {
                open.Remove(call.Descriptor);
            }
            else if ((call.IsReceive || call.IsSend) && call.Result > 0 && open.TryGetValue(call.Descriptor, out var connection))
            {
                connection.Add(call);
            }
        }

        return all;
    }

    private sealed class Connection(bool isPeer)
    {
        private readonly List<SystemCall> _calls = [];

        public bool IsPeer { get; } = isPeer;

        public void Add(SystemCall call) => _calls.Add(call);

        /// <summary>The bytes received since the last answer, the line of their last byte, and the answer. On HTTP/2 only answering frames end a request.</summary>
        public IEnumerable<(byte[] Question, int QuestionLine, SystemCall Answer)> Exchanges()
        {
            var question = new List<byte>();
            var line = 0;
            foreach (var call in _calls.OrderBy(call => call.IsSend ? call.Begun : call.Ended))
            {
                if (call.IsReceive)
                {
                    question.AddRange(call.Bytes);
                    line = call.Ended;
                }
                else if (IsPeer ? question.Count > 0 : IsHttp2Answer(call.Bytes))
                {
                    yield return ([.. question], line, call);
                    question.Clear();
                }
            }
        }
    }

    /// <summary>Which bytes were on the disk, and when.</summary>
    private sealed class Disk(IReadOnlyList<SystemCall> calls)
    {
        private readonly SystemCall[] _writes = [.. calls.Where(call => call.IsFileWrite && call.Result > 0)];
        private readonly SystemCall[] _syncs = [.. calls.Where(call => call.IsSync && call.Result == 0)];

        public bool Synced(byte[] token, int before) =>
            _writes.Any(write => write.Ended < before && write.Bytes.AsSpan().IndexOf(token) >= 0 && Covers(write, before));

        public bool SyncedSomething(int after, int before) =>
            _writes.Any(write => write.Begun > after && write.Ended < before && Covers(write, before));

        private bool Covers(SystemCall write, int before) =>
            _syncs.Any(sync => sync.Descriptor == write.Descriptor && sync.Begun > write.Ended && sync.Ended < before);
    }
}
