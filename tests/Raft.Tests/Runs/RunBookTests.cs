using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Log;
using KvRaft.Raft.Runs;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Runs;

public sealed class RunBookTests : IDisposable
{
    private static readonly NodeId Node = new("n2");
    private static readonly Guid One = new("11111111-1111-1111-1111-111111111111");
    private static readonly Guid Two = new("22222222-2222-2222-2222-222222222222");

    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-runs-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_run_is_on_disk_before_it_is_accepted()
    {
        Assert.Equal(RunVerdict.New, Open().Meet(Node, new NodeRun(3, One, 17), isConfirmed: true));
        Assert.Equal(new KnownRun(3, One, 17), Open().Of(Node));
    }

    [Fact]
    public void The_reports_of_a_run_survive_and_only_increase()
    {
        var book = Open();
        book.Meet(Node, new NodeRun(3, One, 17), isConfirmed: true);
        book.Report(Node, One, 40);
        book.Report(Node, One, 39);
        book.Report(Node, Two, 99);
        book.Save();
        Assert.Equal(new KnownRun(3, One, 40), Open().Of(Node));
        Assert.Equal(RunVerdict.LogCutShort, Open().Meet(Node, new NodeRun(4, Two, 39), isConfirmed: true));
        Assert.Equal(RunVerdict.New, Open().Meet(Node, new NodeRun(4, Two, 40), isConfirmed: true));
    }

    /// <summary>A party that reached the port of a node without a secret could make it refuse another node permanently, with an invented generation.</summary>
    [Fact]
    public void An_unconfirmed_run_is_checked_and_not_recorded()
    {
        var book = Open();
        Assert.Equal(RunVerdict.New, book.Meet(Node, new NodeRun(9, Two, 0), isConfirmed: false));
        Assert.Null(book.Of(Node));
        Assert.Equal(RunVerdict.New, book.Meet(Node, new NodeRun(3, One, 17), isConfirmed: true));
        Assert.Equal(RunVerdict.New, book.Meet(Node, new NodeRun(long.MaxValue, Two, long.MaxValue), isConfirmed: false));
        Assert.Equal(new KnownRun(3, One, 17), book.Of(Node));

        // The recorded run is compared with it all the same.
        Assert.Equal(RunVerdict.Superseded, book.Meet(Node, new NodeRun(2, Two, 17), isConfirmed: false));
        Assert.Equal(RunVerdict.LogCutShort, book.Meet(Node, new NodeRun(4, Two, 16), isConfirmed: false));
        Assert.Equal(RunVerdict.Known, book.Meet(Node, new NodeRun(3, One, 17), isConfirmed: true));
    }

    /// <summary>It was taken for a missing file: the node started with no record of the others' runs, and could not save a new one.</summary>
    [Fact]
    public void A_directory_in_the_place_of_the_book_is_refused()
    {
        var path = Path.Combine(_directory, RunBook.FileName);
        Directory.CreateDirectory(path);
        var refused = Assert.Throws<LogOpenException>(Open);
        Assert.Contains($"'{path}' is a directory and not a file", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_book_is_replaced_by_an_empty_one()
    {
        Open().Meet(Node, new NodeRun(3, One, 17), isConfirmed: true);
        var path = Path.Combine(_directory, RunBook.FileName);
        var text = File.ReadAllText(path);
        File.WriteAllText(path, text.Replace(" 17", " 18", StringComparison.Ordinal));
        Assert.Null(Open().Of(Node));
    }

    [Fact]
    public void The_text_of_a_book_never_changes() => Assert.Equal(
        "kvraft-runs 1\nn2 3 11111111-1111-1111-1111-111111111111 17\ncrc32c 9fdfb272\n",
        RunBook.Format([new(Node, new KnownRun(3, One, 17))]));

    [Fact]
    public void Connections_of_a_run_end_when_a_later_one_is_met()
    {
        var book = Open();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var old = new Socket(SocketType.Stream, ProtocolType.Tcp);
        old.Connect(listener.LocalEndpoint);
        var (first, second) = (new NodeRun(3, One, 17), new NodeRun(4, Two, 17));
        book.Meet(Node, first, isConfirmed: true);
        Assert.True(book.TryHold(Node, first, old));
        book.Meet(Node, second, isConfirmed: true);
        Assert.True(old.SafeHandle.IsClosed);
        Assert.False(book.TryHold(Node, first, old));
    }

    [Fact]
    public void A_directory_counts_its_starts()
    {
        Assert.Equal([1, 2, 3], Enumerable.Range(0, 3).Select(_ => GenerationFile.Next(_directory, OsFileSystem.Instance)));

        // A start whose write was torn in the middle leaves the previous generation.
        var path = Path.Combine(_directory, GenerationFile.FileName);
        var bytes = File.ReadAllBytes(path);
        bytes[GenerationFile.SlotDistance + 9] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Equal(3, GenerationFile.Next(_directory, OsFileSystem.Instance));
        bytes[9] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Throws<LogOpenException>(() => GenerationFile.Next(_directory, OsFileSystem.Instance));
    }

    [Fact]
    public void A_start_needs_no_room_on_a_full_disk()
    {
        GenerationFile.Next(_directory, OsFileSystem.Instance);
        var length = new FileInfo(Path.Combine(_directory, GenerationFile.FileName)).Length;
        GenerationFile.Next(_directory, OsFileSystem.Instance);
        Assert.Equal([length], Directory.GetFiles(_directory).Select(static file => new FileInfo(file).Length));
    }

    [Fact]
    public void The_bytes_of_a_generation_never_change()
    {
        var slot = new byte[GenerationFile.SlotBytes];
        GenerationFile.Format(258, slot);
        Assert.Equal("4B5647454E52" + "0100" + "0201000000000000" + "000000000000000000000000" + "A13C1334", Convert.ToHexString(slot));
    }

    [Fact]
    public void The_bytes_of_a_run_never_change()
    {
        var bytes = new byte[NodeRun.Bytes];
        var run = new NodeRun(5, new Guid("0f0e0d0c-0b0a-0908-0706-050403020100"), 258);
        run.WriteTo(bytes);
        Assert.Equal("0500000000000000" + "0C0D0E0F0A0B08090706050403020100" + "0201000000000000", Convert.ToHexString(bytes));
        Assert.Equal(run, NodeRun.Read(bytes));
        Assert.Null(NodeRun.Read(new byte[NodeRun.Bytes]));
    }

    private RunBook Open() => new(_directory, new NodeRun(1, Guid.NewGuid(), 0), OsFileSystem.Instance, NullLogger.Instance);
}
