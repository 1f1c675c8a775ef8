using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvRaft.Chaos.Links;

/// <summary>
/// A network device whose other end is this process: this process reads what a namespace sends there, and what it writes arrives in the namespace, one IP
/// packet at a time
/// (Linux, Documentation/networking/tuntap.rst).
/// </summary>
internal sealed partial class TunDevice : IDisposable
{
    private const int NewNet = 0x40000000; // CLONE_NEWNET of sched.h
    private const nuint SetInterface = 0x400454CA; // TUNSETIFF of if_tun.h
    private const short TunWithoutHeader = 0x0001 | 0x1000; // IFF_TUN | IFF_NO_PI

    /// <summary>The greatest packet of Ethernet; the MTU of the device is the same.</summary>
    private const int PacketBytesMax = 1500;

    private readonly SafeFileHandle _file;

    private TunDevice(SafeFileHandle file) => _file = file;

    /// <summary>Why there is no such device here; null if there is.</summary>
    public static string? WhyImpossible => File.Exists("/dev/net/tun") ? null : "no /dev/net/tun";

    /// <summary>Creates the device in the namespace. It is down, and disposal removes it.</summary>
    /// <exception cref="Win32Exception">The kernel refused.</exception>
    public static async Task<TunDevice> CreateAsync(string networkNamespace, string name)
    {
        // A thread that enters a namespace stays in it, so a temporary thread does it.
        var made = new TaskCompletionSource<TunDevice>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                made.SetResult(Create(networkNamespace, name));
            }
            catch (Exception failure) when (failure is Win32Exception or IOException)
            {
                made.SetException(failure);
            }
        });
        thread.Start();
        return await made.Task;
    }

    /// <summary>Waits for a packet; null once the device is removed.</summary>
    public byte[]? Read()
    {
        Span<byte> packet = stackalloc byte[PacketBytesMax];
        var length = Read(_file, packet, PacketBytesMax);
        return length > 0 ? packet[..(int)length].ToArray() : null;
    }

    /// <summary>If the kernel does not accept a packet (the device is down or being removed), the packet is lost, which a network permits.</summary>
    public void Write(byte[] packet) => _ = Write(_file, packet, packet.Length);

    public void Dispose() => _file.Dispose();

    private static TunDevice Create(string networkNamespace, string name)
    {
        using (var space = File.OpenHandle($"/run/netns/{networkNamespace}"))
        {
            Check(SetNamespace(space, NewNet), $"setns {networkNamespace}");
        }

        var file = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite);
        Span<byte> request = stackalloc byte[40]; // struct ifreq: the name in 16 bytes, then flags
        System.Text.Encoding.ASCII.GetBytes(name, request[..15]);
        MemoryMarshal.Write(request[16..], TunWithoutHeader);
        Check(Control(file, SetInterface, request), $"TUNSETIFF {name}");
        return new TunDevice(file);
    }

    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{what}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle space, int kind);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, nuint request, Span<byte> argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, Span<byte> buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> buffer, nint length);
}
