using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Log;

/// <summary>The log with its threads on the real file system.</summary>
public sealed class OsFileSystemTests : IDisposable
{
    private static readonly LogIdentity Identity = new(Guid.Parse("6f1c2a54-2f0b-4d3e-9a61-0c5d8e7b1a90"), new NodeId("node-1"));
    private static readonly NodeLogOptions Options = new() { SegmentBytes = 64 << 10, LogBytesMax = 1 << 20 };

    private readonly string _directory = Path.Combine(Path.GetTempPath(), "kvraft-log-" + Guid.NewGuid().ToString("N"));

    [Fact]
    public async Task Keeps_what_many_groups_wrote_over_a_restart()
    {
        await using (var log = Open())
        {
            await Task.WhenAll(Enumerable.Range(0, 16).Select(number => Task.Run(async () =>
            {
                var group = log.OpenGroup(new ReplicaKey(new GroupId(number), 1));
                group.SetBallot(1, [(byte)number]);
                for (var i = 0; i < 200; i++)
                {
                    var index = group.Append(1, LogEntryKind.Command, new byte[number + i]);
                    await group.WaitDurableAsync(index);
                }

                group.SetStart(new LogPosition(1, 50));
                group.TruncateFrom(190);
                await group.WhenDurableAsync();
            })));
            Assert.True(log.Statistics.Segments > 1);
            Assert.True(log.Statistics.Syncs < log.Statistics.Records);
        }

        await using (var log = Open())
        {
            Assert.Empty(log.Holes);
            Assert.Equal(16, log.Groups.Count);
            for (var number = 0; number < 16; number++)
            {
                var group = log.OpenGroup(new ReplicaKey(new GroupId(number), 1));
                Assert.Null(group.Damage);
                Assert.Equal(new LogPosition(1, 50), group.Start);
                Assert.Equal(new LogPosition(1, 189), group.Last);
                Assert.Equal(189, group.DurableIndex);
                Assert.Equal(new Ballot(1, new[] { (byte)number }), group.Ballot);
                Assert.Equal(
                    Enumerable.Range(50, 139).Select(i => number + i), group.Read(51, 189).Select(entry => entry.Payload.Length));
            }
        }
    }

    [Fact]
    public async Task Refuses_a_directory_that_is_in_use()
    {
        await using var log = Open();
        Assert.Contains("in use", Assert.Throws<LogOpenException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_directory_it_cannot_create()
    {
        File.WriteAllText(_directory, "");
        Assert.Throws<LogOpenException>(Open);
        File.Delete(_directory);
    }

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private NodeLog Open() => NodeLog.Open(OsFileSystem.Instance, _directory, Identity, Options, NullLogger.Instance);
}
