using KvRaft.Node.Lifecycle;
using KvRaft.Node.Security;
using KvRaft.Raft.Security;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Security;

public sealed class NodeProofTests : IDisposable
{
    private const string Finish = "/kvraft.v1.Moves/FinishMove";
    private const string Join = "/kvraft.v1.Nodes/Join";

    private static readonly Guid Cluster = Guid.NewGuid();
    private static readonly NodeId One = new("n1");
    private static readonly NodeId Two = new("n2");

    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-secret-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_proof_is_for_one_node_one_method_one_cluster_and_one_secret()
    {
        var (one, two) = (Proof(One), Proof(Two));
        var given = one.Towards(Two)!(Finish);
        Assert.Equal(ProofStanding.Proven, two.Judge(Finish, given));
        Assert.Equal(ProofStanding.Wrong, two.Judge("/kvraft.v1.EventualPeers/Store", given));
        Assert.Equal(ProofStanding.Wrong, one.Judge(Finish, given));
        Assert.Equal(ProofStanding.Wrong, Proof(Two, secret: "another secret of at least 32 bytes").Judge(Finish, given));
        Assert.Equal(ProofStanding.Wrong, Proof(Two, cluster: Guid.NewGuid()).Judge(Finish, given));
        Assert.Equal(ProofStanding.None, two.Judge(Finish, null));
        foreach (var forged in new[] { "", "x", given[..^1], given + "=", given.ToLowerInvariant(), new string('A', 44), new string('\u00e9', 44) })
        {
            Assert.Equal(ProofStanding.Wrong, two.Judge(Finish, forged));
        }
    }

    [Fact]
    public void A_newcomer_without_a_name_can_make_its_own_calls_only()
    {
        var towards = Proof(One).Towards(null)!;
        Assert.Equal(ProofStanding.Proven, Proof(Two).Judge(Join, towards(Join)));
        Assert.Equal(ProofStanding.Wrong, Proof(Two).Judge(Finish, towards(Finish)));
    }

    [Fact]
    public void Without_a_secret_no_proof_is_sent_and_none_is_accepted()
    {
        var none = new NodeProof(NodeAuthentication.None, Cluster, One);
        Assert.Null(none.Towards(Two));
        Assert.Equal(ProofStanding.None, none.Judge(Finish, Proof(Two).Towards(One)!(Finish)));
    }

    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void A_created_secret_is_readable_by_its_owner_only_and_is_kept()
    {
        var file = Path.Combine(_directory, "cluster-secret");
        ClusterSecretFile.Make(file);
        var made = File.ReadAllText(file);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(64, made.Trim().Length);
        ClusterSecretFile.Make(file);
        Assert.Equal(made, File.ReadAllText(file));
        Assert.DoesNotContain(made.Trim(), ClusterSecretFile.Read(file).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    [InlineData("0123456789abcdef0123456789abcdef", UnixFileMode.UserRead | UnixFileMode.GroupRead, "chmod 600")]
    [InlineData("0123456789abcdef0123456789abcdef", UnixFileMode.UserRead | UnixFileMode.OtherRead, "chmod 600")]
    [InlineData("          too short, space is no secret         \n", UnixFileMode.UserRead, "at least 32")]
    [InlineData("", UnixFileMode.UserRead, "at least 32")]
    [InlineData(null, UnixFileMode.UserRead, "cannot be read")]
    [InlineData("long", UnixFileMode.UserRead, "at most 4096")]
    public void A_file_that_holds_no_secret_or_shows_it_to_others_is_refused(string? content, UnixFileMode mode, string why)
    {
        var file = Path.Combine(_directory, "secret");
        if (content is not null)
        {
            File.WriteAllText(file, content == "long" ? new string('x', 5000) : content);
            File.SetUnixFileMode(file, mode);
        }

        var refused = Assert.Throws<NodeStartException>(() => ClusterSecretFile.Read(file));
        Assert.Equal(StartFault.UnusableSecret, refused.Fault);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    private static NodeProof Proof(NodeId self, string secret = "a secret of at least 32 bytes, for all", Guid? cluster = null) =>
        new(new NodeAuthentication(new ClusterSecret(System.Text.Encoding.UTF8.GetBytes(secret)), IsRequired: true), cluster ?? Cluster, self);
}
