using KvRaft.Topology;

namespace KvRaft.Storage.Tests;

/// <summary>A directory belongs to one store for life.</summary>
public sealed class StoreIdentityTests : IDisposable
{
    private static readonly StoreIdentity Identity = new(Guid.Parse("0192a0b0-c0d0-7000-8000-000000000001"), new NodeId("n1"), 64, 0xFEED);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_file_is_readable_text_of_a_fixed_form()
    {
        Identity.ClaimOrVerify(_directory["store"]);

        Assert.Equal(
            "kvraft-store 1\ncluster-id 0192a0b0-c0d0-7000-8000-000000000001\nnode-id n1\nshard-count 64\nhash-seed 000000000000feed\nformat-version 1\n",
            File.ReadAllText(Path.Combine(_directory["store"], StoreIdentity.FileName)));
        Assert.Equal(Identity, StoreIdentity.Read(_directory["store"]));
        Identity.ClaimOrVerify(_directory["store"]);
    }

    [Fact]
    public void A_mismatch_lists_every_difference()
    {
        Identity.ClaimOrVerify(_directory["store"]);
        var error = Assert.Throws<StoreIdentityException>(() =>
            (Identity with { NodeId = new NodeId("n2"), HashSeed = 1, FormatVersion = 2 }).ClaimOrVerify(_directory["store"]));

        Assert.Contains("node-id is n1 on disk and n2 in the options", error.Message, StringComparison.Ordinal);
        Assert.Contains("hash-seed is 000000000000feed on disk and 0000000000000001", error.Message, StringComparison.Ordinal);
        Assert.Contains("format-version", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("cluster-id", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_file_is_not_replaced()
    {
        Identity.ClaimOrVerify(_directory["store"]);
        var path = Path.Combine(_directory["store"], StoreIdentity.FileName);
        File.WriteAllText(path, File.ReadAllText(path).Replace("64", "sixty-four", StringComparison.Ordinal));

        Assert.Throws<StoreIdentityException>(() => Identity.ClaimOrVerify(_directory["store"]));
    }

    [Fact]
    public void A_directory_with_data_but_no_identity_is_not_claimed()
    {
        Directory.CreateDirectory(_directory["store"]);
        File.WriteAllText(Path.Combine(_directory["store"], "something"), "");

        Assert.Throws<StoreIdentityException>(() => Identity.ClaimOrVerify(_directory["store"]));
    }

    [Fact]
    public void A_crash_while_claiming_leaves_a_directory_that_can_be_claimed()
    {
        Directory.CreateDirectory(_directory["store"]);
        File.WriteAllText(Path.Combine(_directory["store"], StoreIdentity.FileName + ".tmp"), "kvraft-st");

        Identity.ClaimOrVerify(_directory["store"]);

        Assert.Equal(Identity, StoreIdentity.Read(_directory["store"]));
    }
}
