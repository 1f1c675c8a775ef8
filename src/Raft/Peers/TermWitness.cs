using KvRaft.Raft.Background;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Queries one other node for which of its replicas have not moved to a later term. One message is in transit at a time, with all questions of all groups that
/// arrived during the previous one: reads in 64 groups at once cost as much as a read in one. Thread-safe.
/// </summary>
/// <param name="node">The queried node.</param>
/// <param name="dialer">Connects to it.</param>
/// <param name="patience">The timeout of one message, including the connection; after it every question in the message counts as answered with no.</param>
/// <param name="background">Runs the questions.</param>
internal sealed class TermWitness(NodeId node, NodeDialer dialer, TimeSpan patience, BackgroundTasks background) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stopping = new();
    private List<(TermQuestion Question, TermPoll Poll)> _waiting = [];
    private PeerClient? _connection;
    private bool _isAsking;

    /// <summary>Adds a poll to a message that is sent from now on.</summary>
    public void Ask(TermQuestion question, TermPoll poll)
    {
        lock (_gate)
        {
            _waiting.Add((question, poll));
            if (_isAsking)
            {
                return;
            }

            _isAsking = true;
        }

        _ = background.GuardAsync($"querying the terms of node {node}", AskAsync);
    }

    /// <summary>Pending questions are answered with no.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        lock (_gate)
        {
            if (!_isAsking)
            {
                Disconnect();
            }
        }
    }

    private async Task AskAsync()
    {
        while (true)
        {
            List<(TermQuestion Question, TermPoll Poll)> asked;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isAsking = false;
                    if (_stopping.IsCancellationRequested)
                    {
                        Disconnect();
                    }

                    return;
                }

                var count = Math.Min(_waiting.Count, TermFrame.QuestionsMax);
                (asked, _waiting) = (_waiting[..count], _waiting[count..]);
            }

            var answers = await ExchangeAsync([.. asked.Select(static each => each.Question)]).ConfigureAwait(false);
            for (var i = 0; i < asked.Count; i++)
            {
                asked[i].Poll.Count(i < answers.Length && answers[i] == 1);
            }
        }
    }

    /// <summary>No result if the node does not answer.</summary>
    private async Task<byte[]> ExchangeAsync(TermQuestion[] questions)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(patience);
        try
        {
            _connection ??= await PeerClient.ConnectAsync(dialer, node, limit.Token).ConfigureAwait(false);
            return await _connection.AskTermsAsync(questions, limit.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (PeerSurvey.IsPeerTrouble(error) || error is InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
            // The stream may contain half an answer.
            Disconnect();
            return [];
        }
    }

    private void Disconnect()
    {
        _connection?.Dispose();
        _connection = null;
    }
}
