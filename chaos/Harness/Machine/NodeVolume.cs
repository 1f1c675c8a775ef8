using System.Globalization;
using System.Runtime.InteropServices;

namespace KvRaft.Chaos.Machine;

/// <summary>
/// A separate file system of a node: ext4 in a file, on a loop device. <see cref="CutPower"/> simulates a power loss: data that was written and
/// not synced is lost. kill -9 never does that, because the kernel keeps the written data.
/// </summary>
internal sealed partial class NodeVolume
{
    /// <summary>512 MiB, of which only the written part takes space: log segments are 64 MiB, and a node keeps two of them.</summary>
    private const long Bytes = 512L << 20;

    /// <summary>Nodes refuse writes below this much free space: 32 MiB, so that a volume this small is not full from the start.</summary>
    public const long ReserveBytes = 32L << 20;

    // _IOR('X', 125, __u32) of the kernel's ext4.h, and its flag for "neither data nor journal is flushed".
    private const nuint ShutdownRequest = 0x8004587D;
    private const uint NoLogFlush = 2;

    private readonly string _image;
    private readonly Ledger _ledger;

    private NodeVolume(string image, string path, Ledger ledger)
    {
        _image = image;
        Path = path;
        _ledger = ledger;
    }

    /// <summary>The mount point.</summary>
    public string Path { get; }

    /// <summary>Why volumes cannot be created here; null if they can.</summary>
    public static async Task<string?> WhyImpossibleAsync(string folder, Ledger ledger)
    {
        try
        {
            var probe = await CreateAsync(System.IO.Path.Combine(folder, "probe.ext4"), System.IO.Path.Combine(folder, "probe"), ledger);
            await probe.UnmountAsync();
            probe.Delete();
            Directory.Delete(probe.Path);
            return null;
        }
        catch (ShellException failure)
        {
            return failure.Message;
        }
    }

    public static async Task<NodeVolume> CreateAsync(string image, string path, Ledger ledger)
    {
        await using (var file = File.Create(image))
        {
            file.SetLength(Bytes);
        }

        // Everything is initialised now: the kernel must have no background work on this volume later.
        await Shell.RunAsync("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image);
        var volume = new NodeVolume(image, path, ledger);
        Directory.CreateDirectory(path);
        await volume.MountAsync();
        return volume;
    }

    /// <summary>
    /// The journal is committed every 300 s instead of every 5: the kernel must not save un-synced data by itself before the power
    /// loss.
    /// </summary>
    public async Task MountAsync()
    {
        _ledger.Own(new OwnedThing("mount", Path));
        await Shell.RunAsync("mount", "-o", "loop,commit=300", _image, Path);
    }

    /// <summary>
    /// After a power loss: unmounts and mounts the file system, which replays its journal. A container that is being started, of any cluster, holds
    /// all mounts of the machine for a moment; a mount meanwhile returns the dead file system, so this is repeated until the file system works.
    /// </summary>
    /// <exception cref="ShellException">It never worked again.</exception>
    public async Task RestorePowerAsync()
    {
        for (var tries = 0; ; tries++)
        {
            await UnmountAsync();
            await MountAsync();
            if (!IsDead())
            {
                return;
            }

            if (tries == 50)
            {
                throw new ShellException($"{Path} is dead after it was mounted again: another process holds the old mount");
            }

            await Task.Delay(100);
        }
    }

    /// <summary>No process may have a file open on it.</summary>
    public async Task UnmountAsync()
    {
        // A process that was just killed closes its files a moment later.
        for (var tries = 0; ; tries++)
        {
            var result = await Shell.TryAsync("umount", Path);
            if (result.ExitCode == 0)
            {
                break;
            }

            if (tries == 50)
            {
                throw new ShellException($"umount {Path}: {result.Error.Trim()}");
            }

            await Task.Delay(100);
        }

        _ledger.Gone(new OwnedThing("mount", Path));
    }

    /// <summary>
    /// From here on the file system refuses everything, and data that was neither synced nor written back is lost. The next mount replays
    /// its journal, as after a power loss.
    /// </summary>
    /// <exception cref="ShellException">The kernel refused.</exception>
    public void CutPower()
    {
        using var root = File.OpenHandle(System.IO.Path.Combine(Path, ".power"), FileMode.OpenOrCreate, FileAccess.Read);
        var flag = NoLogFlush;
        if (Ioctl(root, ShutdownRequest, ref flag) != 0)
        {
            throw new ShellException($"FS_IOC_SHUTDOWN on {Path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Whether the power is cut: no file can be created.</summary>
    public bool IsDead()
    {
        try
        {
            File.WriteAllText(System.IO.Path.Combine(Path, ".probe"), "alive");
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    public long FreeBytes => new DriveInfo(Path).AvailableFreeSpace;

    public void Delete() => File.Delete(_image);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Path} ({Bytes >> 20} MiB)");

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(SafeHandle file, nuint request, ref uint argument);
}
