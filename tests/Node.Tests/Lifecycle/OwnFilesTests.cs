using KvRaft.Node.Hosting;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Security;
using KvRaft.Node.Tests.Options;
using KvRaft.Storage;

namespace KvRaft.Node.Tests.Lifecycle;

/// <summary>Each file that a start touches is of the wrong kind, empty, or random: the start ends with one line that names the path and the next step, and never with another exception.</summary>
public sealed class OwnFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-own-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("LOCK")]
    [InlineData("store/STORE-IDENTITY")]
    public void A_directory_in_the_place_of_a_file_of_the_data_directory_is_named(string place)
    {
        DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose();
        var path = InPlaceOf(place, isDirectory: true);

        AssertSays(path, "is a directory and not a file", () => DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose());
    }

    [Theory]
    [InlineData("")]
    [InlineData("store")]
    public void A_file_in_the_place_of_a_directory_is_named(string place)
    {
        DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose();
        var path = InPlaceOf(place, isDirectory: false);

        AssertSays(path, "is a file and not a directory", () => DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose());
        if (place.Length == 0)
        {
            DurableFile.Delete(path);
            Directory.CreateDirectory(path);
        }
    }

    [Fact]
    public void A_missing_identity_is_written_again_unless_the_store_holds_other_files()
    {
        DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose();
        var path = Path.Combine(_root, "store", "STORE-IDENTITY");
        var identity = File.ReadAllText(path);
        DurableFile.Delete(path);

        DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose();
        Assert.Equal(identity, File.ReadAllText(path));

        DurableFile.Delete(path);
        File.WriteAllText(Path.Combine(_root, "store", "other"), "");
        Assert.Throws<NodeStartException>(() => DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose());
    }

    [Fact]
    public void A_membership_record_that_is_a_directory_is_not_taken_for_a_missing_one()
    {
        var path = InPlaceOf("MEMBERSHIP", isDirectory: true);

        AssertSays(path, "is a directory and not a file", () => MembershipFile.Read(_root));
        AssertSays(path, "is a directory and not a file", () => new MembershipFile(Guid.NewGuid()).WriteTo(_root));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("\0\ufffd\u0001random\r\r")]
    [InlineData("kvraft-membership 2\n")]
    [InlineData("kvraft-membership 2\ninstance 00112233-4455-6677-8899-aabbccddeeff\ncrc32c 00000000\n")]
    public void A_membership_record_without_its_content_is_damaged_and_says_what_to_do(string text)
    {
        File.WriteAllText(Path.Combine(_root, "MEMBERSHIP"), text);

        Assert.Equal(StartFault.DamagedData, AssertSays(Path.Combine(_root, "MEMBERSHIP"), "restore the file", () => MembershipFile.Read(_root)).Fault);
    }

    [Fact]
    public void A_membership_record_of_the_format_without_a_checksum_is_refused_as_such()
    {
        File.WriteAllText(Path.Combine(_root, "MEMBERSHIP"), "kvraft-membership 1\ninstance 00112233-4455-6677-8899-aabbccddeeff\n");

        AssertSays(Path.Combine(_root, "MEMBERSHIP"), "has format 1, and this version reads format 2", () => MembershipFile.Read(_root));
    }

    [Fact]
    public void A_membership_record_is_read_as_it_was_written()
    {
        var file = new MembershipFile(Guid.NewGuid());
        Assert.Null(MembershipFile.Read(_root));

        file.WriteTo(_root);

        Assert.Equal(file, MembershipFile.Read(_root));
    }

    /// <summary>/dev/full is a disk that is always full.</summary>
    [Fact]
    public void A_full_disk_is_named_with_the_path_and_what_to_do()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "This system has no /dev/full.");
        File.CreateSymbolicLink(Path.Combine(_root, "MEMBERSHIP.tmp"), "/dev/full");

        var error = AssertSays(Path.Combine(_root, "MEMBERSHIP"), "its disk is full; free some space and start again", () => new MembershipFile(Guid.NewGuid()).WriteTo(_root));

        Assert.Equal(StartFault.NoRoom, error.Fault);
    }

    [Fact]
    public void A_data_directory_that_this_user_may_not_read_is_named()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Modes do not bind this user.");
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        DataDirectory.Claim(SomeOptions.SingleNode(_root)).Dispose();
        Directory.Delete(Path.Combine(_root, "store"), recursive: true);
        using var held = DataDirectory.Hold(_root);
        File.SetUnixFileMode(_root, UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            AssertSays(_root, "cannot be read or written by this user", held.RefuseForeign);
        }
        finally
        {
            File.SetUnixFileMode(_root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>As the file system reports them: root meets no refused access.</summary>
    [Fact]
    public void A_refused_access_of_a_file_or_directory_is_one_line_with_the_next_step()
    {
        AssertSays(_root, "change its owner or mode", () => OwnFiles.Directory<int>(_root, static () => throw new UnauthorizedAccessException("Permission denied")));
        AssertSays(_root + "/x", "change its owner or mode", () => OwnFiles.File<int>(_root + "/x", static () => throw new StorageUnavailableException("x", new UnauthorizedAccessException("y"))));
        Assert.Throws<InvalidOperationException>(() => OwnFiles.File<int>(_root, static () => throw new InvalidOperationException("a bug is not hidden")));
    }

    [Theory]
    [InlineData("dev-cluster-id")]
    [InlineData("cluster-secret")]
    public void A_directory_in_the_place_of_a_file_of_a_development_cluster_is_named(string place)
    {
        Start();
        var path = InPlaceOf(place, isDirectory: true);

        AssertSays(path, "is a directory and not a file", Start);

        void Start()
        {
            using var held = DevDirectory.Hold(_root);
            DevDirectory.Identity(held, [], fresh: false);
            ClusterSecretFile.Read(DevDirectory.SecretOf(_root));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage\0")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{\"nodeId\":\"\\ud800\"}")]
    [InlineData("{\"\\ud800\":\"n1\"}")]
    [InlineData("{\"nodeId\":1,\"nodeId\":2}")]
    public void A_configuration_that_is_no_JSON_object_is_a_format_fault(string text)
    {
        var file = Path.Combine(_root, "node.json");
        File.WriteAllText(file, text);

        Assert.ThrowsAny<FormatException>(() => SettingSources.Merge(file, new Dictionary<string, string>(), []));
    }

    private string InPlaceOf(string place, bool isDirectory)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.Combine(_root, place));
        DurableFile.Delete(path);
        if (isDirectory)
        {
            Directory.CreateDirectory(Path.Combine(path, "content"));
        }
        else
        {
            File.WriteAllText(path, "a file");
        }

        return path;
    }

    private static NodeStartException AssertSays(string path, string says, Action start)
    {
        var error = Assert.Throws<NodeStartException>(start);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        return error;
    }
}
