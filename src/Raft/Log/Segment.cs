using System.Globalization;

namespace KvRaft.Raft.Log;

/// <summary>An open segment file. Readers retain it, so that a reclaimed segment is not closed during a read.</summary>
internal sealed class Segment(SegmentHeader header, string path, IFile file)
{
    private const string Extension = ".log";

    // One for the log itself.
    private int _users = 1;

    public long Number => header.Number;

    public int Size => (int)header.Size;

    public ulong Salt => header.Salt;

    /// <summary>Every group is restated at its head, so the log may begin with this segment. False if the start found damage in it.</summary>
    public bool IsHeadSound { get; set; } = true;

    public string Path { get; } = path;

    public IFile File { get; } = file;

    public static string NameOf(long number) => number.ToString("D16", CultureInfo.InvariantCulture) + Extension;

    public static bool TryParseName(string name, out long number)
    {
        number = 0;
        return name.EndsWith(Extension, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(0, name.Length - Extension.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && name == NameOf(number);
    }

    public bool TryRetain()
    {
        var users = Volatile.Read(ref _users);
        while (users > 0)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
            {
                return true;
            }

            users = seen;
        }

        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            File.Dispose();
        }
    }
}
