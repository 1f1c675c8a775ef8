using System.Security.Cryptography;
using System.Text;

namespace KvRaft.Raft.Security;

/// <summary>
/// The secret that all nodes of a cluster share and no client has. It is never sent: each use derives a key of its own from it (HKDF-SHA256, RFC 5869), so that
/// a proof made for one use is worth nothing for another, nor in another cluster that was given the same secret by mistake.
/// <para>
/// What it does: a party without the secret cannot open a connection to the Raft port and cannot make a call that is reserved for nodes. What it does not do:
/// nothing is encrypted, and bytes that follow a proof are not authenticated one by one. A party that can read or change the traffic between nodes can read
/// values and take over a connection; against that only TLS helps.
/// </para>
/// Immutable.
/// </summary>
public sealed class ClusterSecret
{
    /// <summary>The shortest secret: 32 characters of hexadecimal digits are 128 bits, which cannot be guessed from a recorded proof.</summary>
    public const int BytesMin = 32;

    /// <summary>The longest. Longer ones add nothing, and a file that is no secret (a log, a disk image) is refused before it is read.</summary>
    public const int BytesMax = 4096;

    /// <summary>Of every key that is derived, in bytes.</summary>
    public const int KeyBytes = 32;

    private readonly byte[] _secret;

    /// <exception cref="ArgumentException">Too short or too long.</exception>
    public ClusterSecret(ReadOnlySpan<byte> secret)
    {
        if (secret.Length is < BytesMin or > BytesMax)
        {
            throw new ArgumentException($"A cluster secret of {secret.Length} bytes; allowed are {BytesMin} to {BytesMax}.", nameof(secret));
        }

        _secret = secret.ToArray();
    }

    /// <summary>A new one, as text of 64 hexadecimal digits.</summary>
    public static string Draw() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>The key of one use in one cluster.</summary>
    public byte[] DeriveKey(Guid clusterId, string use) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _secret, KeyBytes, clusterId.ToByteArray(bigEndian: true), Encoding.UTF8.GetBytes(use));

    /// <summary>Never the secret: it must not get into a log or an error message.</summary>
    public override string ToString() => "(cluster secret)";
}

/// <summary>How a node proves to others that it belongs to the cluster, and what it asks of them.</summary>
/// <param name="Secret">Null: this node has none. It proves nothing and takes everyone's word.</param>
/// <param name="IsRequired">Refuse nodes that prove nothing. False while a cluster changes over: nodes without a secret are accepted and counted.</param>
public sealed record NodeAuthentication(ClusterSecret? Secret, bool IsRequired)
{
    /// <summary>No secret: everything is accepted.</summary>
    public static readonly NodeAuthentication None = new(null, IsRequired: false);
}
