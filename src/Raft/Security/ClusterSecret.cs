using System.Security.Cryptography;
using System.Text;

namespace KvRaft.Raft.Security;

/// <summary>
/// The secret that all nodes of a cluster share and that no client has. It is never sent: each use derives its own key from it (HKDF-SHA256, RFC 5869), so that
/// a proof made for one use is not valid for another, nor in another cluster that was given the same secret by mistake.
/// <para>
/// Guarantee: a party without the secret cannot open a connection to the Raft port and cannot make a call that is reserved for nodes. Limits:
/// nothing is encrypted, and bytes that follow a proof are not authenticated. A party that can read or change the traffic between nodes can read
/// values and take over a connection; only TLS prevents that.
/// </para>
/// Immutable.
/// </summary>
public sealed class ClusterSecret
{
    /// <summary>The shortest secret: 32 hexadecimal characters are 128 bits, which cannot be guessed from a recorded proof.</summary>
    public const int BytesMin = 32;

    /// <summary>The longest secret. A longer one adds no security, and a file that is not a secret (a log, a disk image) is refused before it is read.</summary>
    public const int BytesMax = 4096;

    /// <summary>Length of every derived key, in bytes.</summary>
    public const int KeyBytes = 32;

    private readonly byte[] _secret;

    /// <exception cref="ArgumentException">The secret is too short or too long.</exception>
    public ClusterSecret(ReadOnlySpan<byte> secret)
    {
        if (secret.Length is < BytesMin or > BytesMax)
        {
            throw new ArgumentException($"The cluster secret has {secret.Length} bytes; {BytesMin} to {BytesMax} are allowed.", nameof(secret));
        }

        _secret = secret.ToArray();
    }

    /// <summary>Makes a new secret, as text of 64 hexadecimal digits.</summary>
    public static string Draw() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>The key of one use in one cluster.</summary>
    public byte[] DeriveKey(Guid clusterId, string use) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _secret, KeyBytes, clusterId.ToByteArray(bigEndian: true), Encoding.UTF8.GetBytes(use));

    /// <summary>Never the secret: it must not appear in a log or an error message.</summary>
    public override string ToString() => "(cluster secret)";
}

/// <summary>A node's proof that it belongs to the cluster, and the proof that it requires from others.</summary>
/// <param name="Secret">Null: this node has none. It proves nothing and accepts all nodes.</param>
/// <param name="IsRequired">Refuse nodes that prove nothing. False while a cluster changes over: nodes without a secret are accepted and counted.</param>
public sealed record NodeAuthentication(ClusterSecret? Secret, bool IsRequired)
{
    /// <summary>No secret: all nodes are accepted.</summary>
    public static readonly NodeAuthentication None = new(null, IsRequired: false);
}
