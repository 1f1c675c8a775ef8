using System.Globalization;

namespace KvRaft.Chaos.Machine;

/// <summary>An object of the host that a run created and must remove.</summary>
/// <param name="Kind">netns, link, mount, pid, container or docker-network.</param>
/// <param name="Name">Its name; for a pid, the pid and the ticks at which it started.</param>
internal readonly record struct OwnedThing(string Kind, string Name)
{
    public override string ToString() => $"{Kind} {Name}";
}

/// <summary>
/// The objects that this run owns outside its folder, recorded before they are created: namespaces, links, mounts, processes, containers. Whatever
/// happens to the
/// harness, <see cref="SweepAsync"/> of the same file removes exactly these and nothing else. A line is <c>+ kind name</c>, and
/// <c>- kind name</c> once the object is removed. Safe for many threads.
/// </summary>
internal sealed class Ledger(string path)
{
    private readonly Lock _lock = new();

    public string Path { get; } = path;

    public void Own(OwnedThing thing) => Append($"+ {thing}");

    public void OwnProcess(int pid) => Own(ProcessOf(pid));

    public void Gone(OwnedThing thing) => Append($"- {thing}");

    public void GoneProcess(int pid, long startTicks) => Gone(new OwnedThing("pid", Pair(pid, startTicks)));

    /// <summary>The objects still owned after these lines, newest first.</summary>
    public static IReadOnlyList<OwnedThing> Remaining(IEnumerable<string> lines)
    {
        var owned = new List<OwnedThing>();
        foreach (var line in lines)
        {
            if (line.Split(' ', 3) is not [var sign, var kind, var name])
            {
                // A torn last line: it named an object that was not created yet.
                continue;
            }

            // Created again or not, there is one of it: the container of a node has the same name at every start.
            owned.Remove(new OwnedThing(kind, name));
            if (sign == "+")
            {
                owned.Add(new OwnedThing(kind, name));
            }
        }

        owned.Reverse();
        return owned;
    }

    /// <summary>Removes all objects still owned; returns those that could not be removed.</summary>
    public async Task<IReadOnlyList<string>> SweepAsync()
    {
        if (!File.Exists(Path))
        {
            return [];
        }

        var failures = new List<string>();
        foreach (var thing in Remaining(await File.ReadAllLinesAsync(Path)))
        {
            try
            {
                await TakeAwayAsync(thing);
                Gone(thing);
            }
            catch (ShellException failure)
            {
                failures.Add($"{thing}: {failure.Message}");
            }
        }

        return failures;
    }

    private static OwnedThing ProcessOf(int pid) => new("pid", Pair(pid, ProcessTable.StartTicks(pid) ?? 0));

    private static string Pair(int pid, long startTicks) => string.Create(CultureInfo.InvariantCulture, $"{pid} {startTicks}");

    private static async Task TakeAwayAsync(OwnedThing thing)
    {
        switch (thing.Kind)
        {
            case "pid":
                await EndAsync(thing.Name.Split(' '));
                break;
            case "mount":
                await UnmountAsync(thing.Name);
                break;
            case "netns":
                if (File.Exists($"/run/netns/{thing.Name}"))
                {
                    await Shell.RunAsync("ip", "netns", "del", thing.Name);
                }

                break;
            case "link":
                if (Directory.Exists($"/sys/class/net/{thing.Name}"))
                {
                    await Shell.RunAsync("ip", "link", "del", thing.Name);
                }

                break;
            case "container":
                await ForgetAsync("No such container", "rm", "--force", "--volumes", thing.Name);
                break;
            case "docker-network":
                await ForgetAsync("not found", "network", "rm", thing.Name);
                break;
            default:
                throw new ShellException("the ledger has a kind that this version cannot remove");
        }
    }

    // If the object does not exist, the goal is reached; if the engine does not answer, it is not.
    private static async Task ForgetAsync(string nothing, params string[] arguments)
    {
        var result = await Shell.TryAsync("docker", arguments);
        if (result.ExitCode != 0 && !result.Error.Contains(nothing, StringComparison.Ordinal))
        {
            throw new ShellException(result.Error.Trim());
        }
    }

    private static async Task EndAsync(string[] pair)
    {
        var pid = int.Parse(pair[0], CultureInfo.InvariantCulture);
        var started = long.Parse(pair[1], CultureInfo.InvariantCulture);
        for (var tries = 0; ProcessTable.StartTicks(pid) == started && ProcessTable.State(pid) != 'Z'; tries++)
        {
            if (tries == 100)
            {
                throw new ShellException("still there 5 s after kill -9");
            }

            // The process may end between the check and the signal: not a failure.
            await Shell.TryAsync("kill", "-KILL", pair[0]);
            await Task.Delay(50);
        }
    }

    private static async Task UnmountAsync(string path)
    {
        if (!(await File.ReadAllLinesAsync("/proc/mounts")).Any(line => line.Split(' ')[1] == path))
        {
            return;
        }

        // A process that was just killed closes its files a moment later.
        for (var tries = 0; ; tries++)
        {
            var result = await Shell.TryAsync("umount", path);
            if (result.ExitCode == 0)
            {
                return;
            }

            if (tries == 50)
            {
                throw new ShellException(result.Error.Trim());
            }

            await Task.Delay(100);
        }
    }

    private void Append(string line)
    {
        lock (_lock)
        {
            File.AppendAllText(Path, line + "\n");
        }
    }
}
