using KvRaft.Client;

namespace KvRaft.Cli;

/// <summary>
/// What the commands of a user have seen, from one run of kvctl to the next: read before a command, written after it. Two commands at the same time each write what
/// they have seen; the later one wins, and the session may forget what the other one saw.
/// </summary>
internal static class SessionFile
{
    /// <exception cref="UsageException">The file is no session, or one of another cluster.</exception>
    public static void Load(string path, KvSession session)
    {
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            session.Merge(KvSession.Parse(File.ReadAllText(path).Trim()));
        }
        catch (FormatException fault)
        {
            throw new UsageException($"{path}: {fault.Message} Remove the file to begin a new session.");
        }
    }

    /// <summary>Replaces the file at once, so that a kill leaves the old one.</summary>
    public static void Save(string path, KvSession session)
    {
        var written = path + ".tmp";
        File.WriteAllText(written, session + "\n");
        File.Move(written, path, overwrite: true);
    }
}
