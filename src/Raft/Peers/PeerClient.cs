using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>One connection to another node's peer service. Requests run one at a time; not thread-safe.</summary>
internal sealed class PeerClient : IDisposable
{
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly NodeId _node;

    private PeerClient(NodeId node, Socket socket)
    {
        _node = node;
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: false);
    }

    /// <exception cref="IOException">The node is unreachable or refused this node.</exception>
    public static async ValueTask<PeerClient> ConnectAsync(NodeDialer dialer, NodeId node, CancellationToken cancellationToken) =>
        new(node, await dialer.ConnectAsync(node, ConnectionKind.Peer, "", cancellationToken).ConfigureAwait(false));

    /// <exception cref="PeerRefusedException">The node answered with a reason for its refusal.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async ValueTask<TAnswer> AskAsync<TRequest, TAnswer>(
        PeerRequestKind kind, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken)
    {
        var body = await ExchangeAsync(kind, JsonSerializer.SerializeToUtf8Bytes(request, requestType), PeerAnswerKind.Json, cancellationToken).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(body, answerType) ?? throw new PeerDataException($"Node '{_node}' answered {kind} with an empty message.");
        }
        catch (JsonException error)
        {
            throw new PeerDataException($"Node '{_node}' answered {kind} with an invalid message.", error);
        }
    }

    /// <inheritdoc cref="AskAsync"/>
    public ValueTask<byte[]> FetchAsync(ChunkRequest request, CancellationToken cancellationToken) =>
        ExchangeAsync(
            PeerRequestKind.Chunk, JsonSerializer.SerializeToUtf8Bytes(request, PeerJson.Default.ChunkRequest), PeerAnswerKind.Bytes, cancellationToken);

    /// <inheritdoc cref="AskAsync"/>
    public ValueTask<byte[]> FetchAsync(EntriesRequest request, CancellationToken cancellationToken) =>
        ExchangeAsync(
            PeerRequestKind.Entries, JsonSerializer.SerializeToUtf8Bytes(request, PeerJson.Default.EntriesRequest), PeerAnswerKind.Bytes, cancellationToken);

    /// <summary>One byte for each question.</summary>
    /// <inheritdoc cref="AskAsync"/>
    public ValueTask<byte[]> AskTermsAsync(IReadOnlyList<TermQuestion> questions, CancellationToken cancellationToken) =>
        ExchangeAsync(PeerRequestKind.Terms, TermFrame.Encode(questions), PeerAnswerKind.Bytes, cancellationToken);

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private async ValueTask<byte[]> ExchangeAsync(
        PeerRequestKind kind, ReadOnlyMemory<byte> request, PeerAnswerKind expected, CancellationToken cancellationToken)
    {
        await PeerFrame.WriteAsync(_stream, (byte)kind, request, cancellationToken).ConfigureAwait(false);
        var (answer, body) = await PeerFrame.ReadAsync(_stream, cancellationToken).ConfigureAwait(false);
        return (PeerAnswerKind)answer switch
        {
            PeerAnswerKind.HistoryDiffers => throw new HistoryDiffersException(System.Text.Encoding.UTF8.GetString(body)),
            PeerAnswerKind.Refused => throw new PeerRefusedException(_node, System.Text.Encoding.UTF8.GetString(body)),
            var given when given == expected => body,
            var given => throw new PeerDataException($"Node '{_node}' answered {kind} with {given}."),
        };
    }
}

/// <summary>
/// Two replicas have committed different entries at one index. One of the two histories was lost, for example because an older copy of a directory was accepted.
/// </summary>
internal sealed class HistoryDiffersException(string message) : IOException(message);

/// <summary>Another node understood a request and declined it.</summary>
internal sealed class PeerRefusedException(NodeId node, string reason) : IOException($"Node '{node}' declined: {reason}");
