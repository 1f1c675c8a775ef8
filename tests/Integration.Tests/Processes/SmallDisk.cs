using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>A file system of a given size, in memory, that can really be full. Needs root.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _filler;

    private SmallDisk(string directory)
    {
        Root = directory;
        _filler = Path.Combine(directory, "filler");
    }

    public string Root { get; }

    /// <summary>Null where this user may not mount.</summary>
    public static SmallDisk? TryMount(int mebibytes)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return null;
        }

        var directory = Directory.CreateTempSubdirectory("kvraft-disk-").FullName;
        var size = string.Create(CultureInfo.InvariantCulture, $"size={mebibytes}m");
        if (Run("mount", "-t", "tmpfs", "-o", size, "kvraft-test", directory) != 0)
        {
            Directory.Delete(directory);
            return null;
        }

        return new SmallDisk(directory);
    }

    /// <summary>Fills the disk until only so much is left.</summary>
    public void FillUpTo(long freeBytes)
    {
        using var file = new FileStream(_filler, FileMode.Append);
        var block = new byte[64 << 10];
        while (new DriveInfo(Root).AvailableFreeSpace > freeBytes + block.Length)
        {
            file.Write(block);
            file.Flush();
        }
    }

    public void GiveBack() => File.Delete(_filler);

    public void Dispose()
    {
        Assert.Equal(0, Run("umount", Root));
        Directory.Delete(Root);
    }

    private static int Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
