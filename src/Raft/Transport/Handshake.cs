using System.Diagnostics.CodeAnalysis;
using KvRaft.Raft.Security;

namespace KvRaft.Raft.Transport;

/// <summary>
/// The handshake of two nodes on a new connection, for either side; the bytes are those of <see cref="Preface"/>. The callers' tokens limit the time, and the
/// format limits the bytes. Thread-safe.
/// </summary>
internal sealed class Handshake(NodeAuthentication authentication, Guid clusterId)
{
    private readonly PrefaceProof? _proof = authentication.Secret is { } secret ? new PrefaceProof(secret.DeriveKey(clusterId, PrefaceProof.Use)) : null;
    private long _unproven;

    /// <summary>Connections, in either direction, to nodes without a proof. Rises only while <see cref="NodeAuthentication.IsRequired"/> is false.</summary>
    public long UnprovenCount => Interlocked.Read(ref _unproven);

    [MemberNotNullWhen(true, nameof(_proof))]
    public bool HasSecret => _proof is not null;

    /// <summary>The connecting side.</summary>
    /// <returns>False: the other node proved nothing, and no proof is required.</returns>
    /// <exception cref="PrefaceRefusedException">The other side refused, or did not send a required proof.</exception>
    public async ValueTask<bool> ConnectAsync(Stream stream, Preface preface, CancellationToken cancellationToken)
    {
        if (HasSecret)
        {
            preface = preface with { HasSecret = true, Nonce = PrefaceProof.DrawNonce() };
        }

        await stream.WriteAsync(preface.Encode(), cancellationToken).ConfigureAwait(false);
        var challenge = await PrefaceChallenge.ReadAsync(stream, preface.To, cancellationToken).ConfigureAwait(false);
        if (challenge.Nonce is not { } nonce)
        {
            return authentication.IsRequired ? throw new PrefaceRefusedException(preface.To, PrefaceAnswer.Unproven) : CountUnproven();
        }

        if (!HasSecret || !PrefaceProof.Equal(_proof.OfAccepting(preface, nonce), challenge.Proof))
        {
            throw new PrefaceRefusedException(preface.To, PrefaceAnswer.OtherSecret);
        }

        await stream.WriteAsync(_proof.OfConnecting(preface, nonce), cancellationToken).ConfigureAwait(false);
        await Preface.ReadAnswerAsync(stream, preface.To, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>The accepting side. The answer has been sent when this returns.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="judge">Decides whether the connection is meant for this node, and whether the limits allow it. Called once.</param>
    /// <param name="cancellationToken">Ends the handshake.</param>
    public async ValueTask<(Preface? Preface, PrefaceAnswer Answer, bool IsProven)> AcceptAsync(
        Stream stream, Func<Preface, PrefaceAnswer> judge, CancellationToken cancellationToken)
    {
        var (preface, answer) = await Preface.ReadAsync(stream, cancellationToken).ConfigureAwait(false);
        if (preface is not null)
        {
            answer = authentication.IsRequired && !preface.HasSecret ? PrefaceAnswer.Unproven : judge(preface);
        }

        if (preface is null || answer != PrefaceAnswer.Accepted || !HasSecret || !preface.HasSecret)
        {
            await stream.WriteAsync(new PrefaceChallenge(answer, null, null).Encode(), cancellationToken).ConfigureAwait(false);
            return (preface, answer, answer == PrefaceAnswer.Accepted && CountUnproven());
        }

        var nonce = PrefaceProof.DrawNonce();
        await stream.WriteAsync(new PrefaceChallenge(answer, nonce, _proof.OfAccepting(preface, nonce)).Encode(), cancellationToken).ConfigureAwait(false);
        var given = new byte[PrefaceProof.Length];
        await stream.ReadExactlyAsync(given, cancellationToken).ConfigureAwait(false);
        answer = PrefaceProof.Equal(_proof.OfConnecting(preface, nonce), given) ? PrefaceAnswer.Accepted : PrefaceAnswer.OtherSecret;
        await stream.WriteAsync(Preface.EncodeAnswer(answer), cancellationToken).ConfigureAwait(false);
        return (preface, answer, IsProven: true);
    }

    /// <summary>Always false.</summary>
    private bool CountUnproven()
    {
        Interlocked.Increment(ref _unproven);
        return false;
    }
}
