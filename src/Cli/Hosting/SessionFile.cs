using KvRaft.Client;

namespace KvRaft.Cli;

/// <summary>
/// The session of a user across several runs of kvctl: read before a command, written after it. If two commands run at the same time, each writes its
/// own session; the later write wins, and the file then does not contain the session of the other.
/// </summary>
internal static class SessionFile
{
    /// <exception cref="UsageException">The file is not a session, or it belongs to another cluster.</exception>
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
            throw new UsageException($"{path}: {fault.Message} Remove the file to start a new session.");
        }
    }

    /// <summary>Replaces the file atomically, so that a kill leaves the old content.</summary>
    public static void Save(string path, KvSession session)
    {
        var written = path + ".tmp";
        File.WriteAllText(written, session + "\n");
        File.Move(written, path, overwrite: true);
    }
}
