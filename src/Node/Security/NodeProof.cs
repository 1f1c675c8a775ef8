using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using KvRaft.Node.Options;
using KvRaft.Raft.Security;
using KvRaft.Topology;

namespace KvRaft.Node.Security;

/// <summary>What a call proves about its caller.</summary>
internal enum ProofStanding
{
    /// <summary>The call carries no proof, or this node has no secret to compare it with.</summary>
    None,

    /// <summary>A node of this cluster makes the call.</summary>
    Proven,

    /// <summary>A proof that does not match: a node with another secret, or a forgery.</summary>
    Wrong,
}

/// <summary>
/// How a node proves with each call that it belongs to the cluster: the metadata <see cref="Key"/> holds an HMAC-SHA256, under a key derived from the cluster's
/// secret for this use, over the name of the called node and the method. So a proof for one node is worthless at another, and a proof for one method
/// is worthless for another.
/// <para>
/// It is the same each time: a party that reads the traffic between nodes can send it again, to the same node, for the same method. On links without encryption that
/// party can change the calls themselves, so numbers in the proofs would add no protection; TLS does.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class NodeProof
{
    /// <summary>The metadata key of a proof.</summary>
    public const string Key = "kvraft-node-proof";

    /// <summary>Names the key that is derived; see <see cref="ClusterSecret.DeriveKey"/>.</summary>
    private const string Use = "kvraft node-to-node calls 1";

    /// <summary>The name under which a joining node calls: it does not have the name of the called node yet. No node may have this name.</summary>
    private const string Whoever = "*";

    private readonly byte[]? _key;
    private readonly FrozenDictionary<string, byte[]> _expected;
    private readonly FrozenDictionary<string, byte[]> _expectedOfNewcomers;

    public NodeProof(NodeAuthentication authentication, Guid clusterId, NodeId self)
    {
        Authentication = authentication;
        _key = authentication.Secret?.DeriveKey(clusterId, Use);
        _expected = Expected(CallerRules.Methods, self.Value);
        _expectedOfNewcomers = Expected(CallerRules.Methods.Where(static method => CallerRules.Of(method) == CallerKind.Newcomer), Whoever);
    }

    public NodeAuthentication Authentication { get; }

    /// <summary>For a program that receives options and builds the rest.</summary>
    public static NodeProof Of(NodeOptions options, NodeAuthentication authentication) => new(authentication, options.ClusterId, options.NodeId);

    /// <summary>The proof to send with calls to a node; null: this node has no secret. If <paramref name="to"/> is null, the name of the called node is not available yet.</summary>
    public Func<string, string>? Towards(NodeId? to)
    {
        if (_key is null)
        {
            return null;
        }

        var name = to?.Value ?? Whoever;
        var made = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        return method => made.GetOrAdd(method, one => Encoding.ASCII.GetString(Make(name, one)));
    }

    /// <param name="method"><c>/service/method</c>, one of the list.</param>
    /// <param name="given">The metadata's value; null: there is none.</param>
    public ProofStanding Judge(string method, string? given)
    {
        if (_key is null || given is null)
        {
            return ProofStanding.None;
        }

        Span<byte> bytes = stackalloc byte[ProofLength];
        var isAscii = given.Length == ProofLength && Encoding.ASCII.TryGetBytes(given, bytes, out _);
        return isAscii && (Fits(_expected, method, bytes) | Fits(_expectedOfNewcomers, method, bytes)) ? ProofStanding.Proven : ProofStanding.Wrong;
    }

    /// <summary>Base64 of 32 bytes.</summary>
    private const int ProofLength = 44;

    private static bool Fits(FrozenDictionary<string, byte[]> expected, string method, ReadOnlySpan<byte> given) =>
        expected.TryGetValue(method, out var proof) && CryptographicOperations.FixedTimeEquals(proof, given);

    private FrozenDictionary<string, byte[]> Expected(IEnumerable<string> methods, string to) =>
        (_key is null ? [] : methods.ToDictionary(static method => method, method => Make(to, method), StringComparer.Ordinal)).ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>A node's name has no line break, so name and method cannot run into each other.</summary>
    private byte[] Make(string to, string method) =>
        Encoding.ASCII.GetBytes(Convert.ToBase64String(HMACSHA256.HashData(_key!, Encoding.ASCII.GetBytes($"{to}\n{method}"))));
}
