using System.Buffers.Binary;
using System.Diagnostics;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>
/// The wall clocks of the nodes, each adjustable separately while the node runs: a library of the harness sits between the node and the C library
/// (<c>chaos/shim/skew.c</c>, compiled for the run). Monotonic clocks stay correct. libfaketime is not used: with its option to leave the monotonic
/// clock alone, it keeps a core of every .NET process busy.
/// </summary>
internal sealed class ClockShim
{
    private readonly string _library;
    private readonly string[] _files;

    private ClockShim(string folder, string library, string[] files)
    {
        Folder = folder;
        _library = library;
        _files = files;
    }

    /// <summary>The folder that nodes read; they write nothing there.</summary>
    public string Folder { get; }

    public static async Task<ClockShim> CreateAsync(string folder, int nodes)
    {
        Directory.CreateDirectory(folder);
        var source = Path.Combine(folder, "skew.c");
        await File.WriteAllTextAsync(source, await ReadSourceAsync());
        var library = Path.Combine(folder, "libskew.so");
        await Shell.RunAsync("gcc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl");
        var shim = new ClockShim(folder, library, [.. Enumerable.Range(1, nodes).Select(node => Path.Combine(folder, $"skew-n{node}.bin"))]);
        for (var node = 0; node < nodes; node++)
        {
            shim.Set(node, TimeSpan.Zero, 0);
        }

        return shim;
    }

    public IReadOnlyDictionary<string, string> EnvironmentOf(int node) => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = _library,
        ["SKEW_FILE"] = _files[node],
    };

    /// <summary>Sets the wall clock of a node off by this much, with a drift of so many millionths from now on.</summary>
    public void Set(int node, TimeSpan offset, long driftPpm)
    {
        Span<byte> skew = stackalloc byte[24];
        BinaryPrimitives.WriteInt64LittleEndian(skew, offset.Ticks * 100);
        BinaryPrimitives.WriteInt64LittleEndian(skew[8..], driftPpm);

        // On Linux the stopwatch is CLOCK_MONOTONIC.
        BinaryPrimitives.WriteInt64LittleEndian(skew[16..], (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)));

        // In place: the node has the file mapped.
        using var file = new FileStream(_files[node], FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.Write(skew);
    }

    private static async Task<string> ReadSourceAsync()
    {
        await using var stream = typeof(ClockShim).Assembly.GetManifestResourceStream("skew.c")!;
        using var text = new StreamReader(stream);
        return await text.ReadToEndAsync();
    }
}
