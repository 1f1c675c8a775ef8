using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>A process reads nothing from the directory in which it is started; and the permissions of the files in its data directory.</summary>
public sealed class WorkingDirectoryTests : IDisposable
{
    private const UnixFileMode ForOthers = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-cwd-").FullName;

    /// <summary>
    /// The web host's defaults watched everything below the working directory: 52,000 watches and 41 s before the first leader when started in the root of a
    /// machine, and an event for each write of a node whose data directory is there.
    /// </summary>
    [Fact]
    public async Task A_node_watches_no_directory_and_reads_no_settings_from_the_working_directory()
    {
        for (var i = 0; i < 200; i++)
        {
            Directory.CreateDirectory(Path.Combine(_root, "many", i.ToString(CultureInfo.InvariantCulture)));
        }

        var (basePort, other) = (FreeBasePort(), FreePort());
        await File.WriteAllTextAsync(
            Path.Combine(_root, "appsettings.json"),
            JsonSerializer.Serialize(new { Kestrel = new { Endpoints = new { Other = new { Url = $"http://127.0.0.1:{other}" } } }, AllowedHosts = "nowhere.example" }),
            TestContext.Current.CancellationToken);
        using var process = new DevProcess(_root, Path.Combine(_root, "data"), basePort);
        await process.ReadyAsync(TestContext.Current.CancellationToken);

        Assert.Empty(Watches(process.Id));
        Assert.DoesNotContain(other, IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(static listener => listener.Port));
        using var http = new HttpClient();
        var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{basePort + 11}/v1/limits"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Files_of_a_node_are_readable_by_its_user_only_for_any_umask()
    {
        var data = Path.Combine(_root, "data");
        using var process = new DevProcess(_root, data, FreeBasePort());
        await process.ReadyAsync(TestContext.Current.CancellationToken);

        var entries = Directory.GetFileSystemEntries(data, "*", SearchOption.AllDirectories);
        Assert.Contains(entries, static entry => entry.EndsWith(".sst", StringComparison.Ordinal) || Path.GetFileName(entry).StartsWith("MANIFEST", StringComparison.Ordinal));
        Assert.DoesNotContain(entries.Append(data), static entry => IsForOthers(entry));
    }

    [Fact]
    public async Task A_fresh_start_on_the_data_of_a_running_cluster_is_refused()
    {
        var data = Path.Combine(_root, "data");
        using var running = new DevProcess(_root, data, FreeBasePort());
        await running.ReadyAsync(TestContext.Current.CancellationToken);

        using var second = new DevProcess(_root, data, FreeBasePort(), "--fresh");
        var (code, error) = await second.EndAsync(TestContext.Current.CancellationToken);

        Assert.Equal((1, $"kvraft: the data directory {data} is in use by another kvraft process\n"), (code, error));
        Assert.True(File.Exists(Path.Combine(data, "n1", "MEMBERSHIP")));
    }

    /// <summary>RocksDB and the log delete and rename files meanwhile.</summary>
    private static bool IsForOthers(string entry)
    {
        try
        {
            return !OperatingSystem.IsWindows() && (File.GetUnixFileMode(entry) & ForOthers) != 0;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    private static string[] Watches(int process) =>
    [
        .. Directory.GetFiles($"/proc/{process}/fdinfo").SelectMany(LinesOf).Where(static line => line.StartsWith("inotify", StringComparison.Ordinal)),
    ];

    private static string[] LinesOf(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (IOException)
        {
            return []; // A descriptor that was closed meanwhile.
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A port for which all ports that a development cluster derives from it are free.</summary>
    private static int FreeBasePort()
    {
        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(static listener => listener.Port).ToHashSet();
        return Enumerable.Range(0, 100).Select(static _ => Random.Shared.Next(21_000, 30_000))
            .First(port => !Enumerable.Range(port, 110).Any(taken.Contains));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
