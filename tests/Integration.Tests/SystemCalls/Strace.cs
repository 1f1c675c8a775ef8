using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Integration.Tests.SystemCalls;

/// <summary>strace attached to a running process; detaching leaves the process as it was.</summary>
internal sealed class Strace : IAsyncDisposable
{
    private readonly Process _process;

    private Strace(Process process, string file)
    {
        _process = process;
        File = file;
    }

    public string File { get; }

    public static bool IsInstalled { get; } = Directory.Exists("/proc") && (System.IO.File.Exists("/usr/bin/strace") || System.IO.File.Exists("/bin/strace"));

    // A follower that catches up writes a whole round at once: the traced part of a string must be long enough for it.
    /// <summary>Returns once every thread of the process is traced.</summary>
    public static Task<Strace> AttachAsync(int processId, string file) => AttachAsync(
        processId,
        file,
        "-xx", "-s", "65536", "-e", "trace=recvfrom,recvmsg,read,sendto,sendmsg,write,writev,pwrite64,pwritev,fdatasync,fsync,close");

    /// <summary>From now on the process's syncs do nothing and fail with EIO, as on a failed disk; the trace lists them.</summary>
    public static Task<Strace> FailSyncsAsync(int processId, string file) => AttachAsync(
        processId, file, "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO");

    /// <summary>As <see cref="FailSyncsAsync"/>, and writes of files fail too: a dead disk. Sockets still work.</summary>
    public static Task<Strace> KillDiskAsync(int processId, string file) => AttachAsync(
        processId, file, "-e", "trace=fdatasync,fsync,msync,sync_file_range,pwrite64,pwritev,fallocate,ftruncate,rename",
        "-e", "inject=fdatasync,fsync,msync,sync_file_range,pwrite64,pwritev,fallocate,ftruncate,rename:error=EIO");

    private static async Task<Strace> AttachAsync(int processId, string file, params string[] what)
    {
        string[] arguments = ["-f", "-o", file, "-e", "signal=none", .. what, "-p", processId.ToString(CultureInfo.InvariantCulture)];
        var process = Process.Start(new ProcessStartInfo("strace", arguments) { RedirectStandardError = true })!;
        var said = await process.StandardError.ReadLineAsync();
        Assert.True(said?.Contains("attached", StringComparison.Ordinal), $"strace could not attach: {said}");
        return new Strace(process, file);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var signal = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            await signal.WaitForExitAsync();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
