using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Raft.Security;
using KvRaft.Storage;

namespace KvRaft.Node.Security;

/// <summary>
/// The file with the cluster's secret: text of 32 characters or more, white space around it ignored, the same on every node, readable by its owner only.
/// </summary>
internal static class ClusterSecretFile
{
    /// <summary>Read and write for the owner; nothing for anyone else.</summary>
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <exception cref="NodeStartException">The file cannot be read, is readable by others, or holds no secret.</exception>
    public static NodeAuthentication Authentication(NodeOptions options) =>
        options.ClusterSecretFile is { } file ? new NodeAuthentication(Read(file), options.IsClusterSecretRequired) : NodeAuthentication.None;

    /// <exception cref="NodeStartException">The file cannot be read, is readable by others, or holds no secret.</exception>
    public static ClusterSecret Read(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & Others) != 0)
            {
                throw Unusable($"{file} can be read by others than its owner; run: chmod 600 {file}");
            }

            if (!stream.CanSeek)
            {
                throw Unusable($"{file} is no regular file");
            }

            // The length first: a file of another kind is not read into memory.
            if (stream.Length > ClusterSecret.BytesMax)
            {
                throw Unusable($"{file} has {stream.Length} bytes and is no cluster secret; at most {ClusterSecret.BytesMax} are allowed");
            }

            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            var secret = bytes.AsSpan().Trim(" \t\r\n"u8);
            return secret.Length >= ClusterSecret.BytesMin
                ? new ClusterSecret(secret)
                : throw Unusable($"{file} holds {secret.Length} characters; a cluster secret has at least {ClusterSecret.BytesMin}. Make one: openssl rand -hex 32");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unusable($"{file} {OwnFiles.Reason(file, isDirectory: false, error)}", error);
        }
    }

    /// <summary>Writes a random secret into a file, unless there is one.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be written.</exception>
    public static void Make(string file)
    {
        if (Path.Exists(file))
        {
            return;
        }

        // To a temporary file first: a crash leaves a complete secret or none.
        var beside = file + ".new";
        DurableFile.Delete(beside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using (var stream = new FileStream(beside, options))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(ClusterSecret.Draw() + "\n"));
            stream.Flush(flushToDisk: true);
        }

        File.Move(beside, file);
    }

    private static NodeStartException Unusable(string message, Exception? inner = null) =>
        new(StartFault.UnusableSecret, $"the cluster secret cannot be used: {message}", inner);
}
