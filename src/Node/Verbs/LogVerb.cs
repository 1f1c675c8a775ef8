using System.CommandLine;
using KvRaft.Node.Lifecycle;
using KvRaft.Raft.Log;

namespace KvRaft.Node.Verbs;

/// <summary><c>kvraft log</c>: reads the log of a node that is not running.</summary>
internal static class LogVerb
{
    public static Command Create()
    {
        var directory = new Argument<DirectoryInfo>("directory") { Description = "The log directory of a node: DATA/log." };
        var summary = new Option<bool>("--summary") { Description = "Only segments, damage and groups." };
        var dump = new Command("dump", "Write a node's log as text. The exit code is not 0 if the log is damaged.") { directory, summary };
        dump.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(directory);
            if (!path.Exists)
            {
                Console.Error.WriteLine($"kvraft: there is no directory {path.FullName}");
                return ExitCodes.Failed;
            }

            return LogDump.Write(path.FullName, Console.Out, withRecords: !parsed.GetValue(summary)) ? ExitCodes.Stopped : ExitCodes.Failed;
        });
        return new Command("log", "Look into the log of a node that is not running.") { dump };
    }
}
