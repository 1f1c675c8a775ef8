using KvRaft.Raft.Log;
using KvRaft.Simulation.Tests.Log;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Log;

/// <summary>A log on a simulated disk and how to open it again.</summary>
internal sealed class LogFixture
{
    public const string Directory = "/log";

    public static readonly LogIdentity Identity = new(Guid.Parse("6f1c2a54-2f0b-4d3e-9a61-0c5d8e7b1a90"), new NodeId("node-1"));

    public SimFileSystem Fs { get; } = new();

    /// <summary>Manual, small segments, fixed salt; a test changes the options that it examines.</summary>
    public NodeLogOptions Options { get; set; } = new()
    {
        IsManual = true,
        SegmentBytes = NodeLogOptions.SegmentBytesMin,
        LogBytesMax = NodeLogOptions.SegmentBytesMin * 4,
        Salt = static () => 0x0123456789abcdef,
    };

    public static ReplicaKey Key(int group) => new(new GroupId(group), 1);

    public NodeLog Open(LogIdentity? identity = null) => NodeLog.Open(Fs, Directory, identity ?? Identity, Options, NullLogger.Instance);

    public static string PathOf(long segment) => Path.Combine(Directory, Segment.NameOf(segment));
}
