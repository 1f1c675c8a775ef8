using System.Diagnostics;

namespace KvRaft.Chaos.Machine;

/// <summary>A command of the host failed; the message contains its output.</summary>
internal sealed class ShellException(string message) : Exception(message);

internal readonly record struct ShellResult(int ExitCode, string Output, string Error);

/// <summary>Runs commands of the host: ip, mount, kill. Arguments are passed unchanged, and no shell parses them.</summary>
internal static class Shell
{
    /// <summary>Runs the command to its end and returns the result, whatever the exit code.</summary>
    public static async Task<ShellResult> TryAsync(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Start(start);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new ShellResult(process.ExitCode, await output, await error);
    }

    /// <exception cref="ShellException">The exit code is not 0.</exception>
    public static async Task<string> RunAsync(string file, params string[] arguments)
    {
        var result = await TryAsync(file, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new ShellException($"{file} {string.Join(' ', arguments)}: exit code {result.ExitCode}: {result.Error.Trim()}");
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new ShellException($"{start.FileName} did not start");
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new ShellException($"{start.FileName}: {missing.Message}");
        }
    }
}
