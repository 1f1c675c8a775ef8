using System.Text;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;

namespace KvRaft.Benchmarks.Micro;

/// <summary>The write of all benchmarks: 14 bytes of key, 100 of value, with the stamp of a writer.</summary>
internal static class SomePuts
{
    public const int ValueBytes = 100;

    public static readonly KeyspaceId Keyspace = new(1);

    private static readonly ClientId Writer = ClientId.FromGuid(new Guid("01930000-0000-7000-8000-000000000001"));
    private static readonly byte[] Value = RandomValue();

    public static byte[] Key(int number) => Encoding.ASCII.GetBytes($"bench/{number:x8}");

    /// <param name="sequence">The writer waits for no earlier write.</param>
    public static PutCommand Put(int key, ulong sequence) =>
        new(Keyspace, Key(key), Value) { Stamp = new RequestStamp(Writer, sequence, sequence) };

    private static byte[] RandomValue()
    {
        var value = new byte[ValueBytes];
        new Random(ValueBytes).NextBytes(value);
        return value;
    }
}
