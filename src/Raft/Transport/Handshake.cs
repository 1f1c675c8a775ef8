using System.Diagnostics.CodeAnalysis;
using KvRaft.Raft.Security;

namespace KvRaft.Raft.Transport;

/// <summary>
/// The handshake of two nodes on a new connection, for either side; the bytes are those of <see cref="HandshakeHeader"/>. The callers' tokens limit the time, and the
/// format limits the bytes. Thread-safe.
/// </summary>
internal sealed class Handshake(NodeAuthentication authentication, Guid clusterId)
{
    private readonly HandshakeProof? _proof = authentication.Secret is { } secret ? new HandshakeProof(secret.DeriveKey(clusterId, HandshakeProof.Use)) : null;
    private long _unproven;

    /// <summary>Connections, in either direction, to nodes without a proof. Rises only while <see cref="NodeAuthentication.IsRequired"/> is false.</summary>
    public long UnprovenCount => Interlocked.Read(ref _unproven);

    [MemberNotNullWhen(true, nameof(_proof))]
    public bool HasSecret => _proof is not null;

    /// <summary>The connecting side.</summary>
    /// <returns>False: the other node proved nothing, and no proof is required.</returns>
    /// <exception cref="HandshakeRefusedException">The other side refused, or did not send a required proof.</exception>
    public async ValueTask<bool> ConnectAsync(Stream stream, HandshakeHeader header, CancellationToken cancellationToken)
    {
        if (HasSecret)
        {
            header = header with { HasSecret = true, Nonce = HandshakeProof.DrawNonce() };
        }

        await stream.WriteAsync(header.Encode(), cancellationToken).ConfigureAwait(false);
        var challenge = await HandshakeChallenge.ReadAsync(stream, header.To, cancellationToken).ConfigureAwait(false);
        if (challenge.Nonce is not { } nonce)
        {
            return authentication.IsRequired ? throw new HandshakeRefusedException(header.To, HandshakeAnswer.Unproven) : CountUnproven();
        }

        if (!HasSecret || !HandshakeProof.Equal(_proof.OfAccepting(header, nonce), challenge.Proof))
        {
            throw new HandshakeRefusedException(header.To, HandshakeAnswer.OtherSecret);
        }

        await stream.WriteAsync(_proof.OfConnecting(header, nonce), cancellationToken).ConfigureAwait(false);
        await HandshakeHeader.ReadAnswerAsync(stream, header.To, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>The accepting side. The answer has been sent when this returns.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="judge">Decides whether the connection is meant for this node, and whether the limits allow it. Called once.</param>
    /// <param name="cancellationToken">Ends the handshake.</param>
    public async ValueTask<(HandshakeHeader? Header, HandshakeAnswer Answer, bool IsProven)> AcceptAsync(
        Stream stream, Func<HandshakeHeader, HandshakeAnswer> judge, CancellationToken cancellationToken)
    {
        var (header, answer) = await HandshakeHeader.ReadAsync(stream, cancellationToken).ConfigureAwait(false);
        if (header is not null)
        {
            answer = authentication.IsRequired && !header.HasSecret ? HandshakeAnswer.Unproven : judge(header);
        }

        if (header is null || answer != HandshakeAnswer.Accepted || !HasSecret || !header.HasSecret)
        {
            await stream.WriteAsync(new HandshakeChallenge(answer, null, null).Encode(), cancellationToken).ConfigureAwait(false);
            return (header, answer, answer == HandshakeAnswer.Accepted && CountUnproven());
        }

        var nonce = HandshakeProof.DrawNonce();
        await stream.WriteAsync(new HandshakeChallenge(answer, nonce, _proof.OfAccepting(header, nonce)).Encode(), cancellationToken).ConfigureAwait(false);
        var given = new byte[HandshakeProof.Length];
        await stream.ReadExactlyAsync(given, cancellationToken).ConfigureAwait(false);
        answer = HandshakeProof.Equal(_proof.OfConnecting(header, nonce), given) ? HandshakeAnswer.Accepted : HandshakeAnswer.OtherSecret;
        await stream.WriteAsync(HandshakeHeader.EncodeAnswer(answer), cancellationToken).ConfigureAwait(false);
        return (header, answer, IsProven: true);
    }

    /// <summary>Always false.</summary>
    private bool CountUnproven()
    {
        Interlocked.Increment(ref _unproven);
        return false;
    }
}
