namespace KvRaft.Topology.Tests;

public class FloodSafeHashTests
{
    [Fact]
    public void Equal_bytes_have_equal_hashes_and_every_byte_counts()
    {
        for (var length = 0; length < 20; length++)
        {
            var bytes = new byte[length];
            Assert.Equal(FloodSafeHash.Of(bytes), FloodSafeHash.Of(new byte[length]));
            Assert.NotEqual(FloodSafeHash.Of(bytes), FloodSafeHash.Of(new byte[length + 1]));
            for (var i = 0; i < length; i++)
            {
                var changed = new byte[length];
                changed[i] = 1;
                Assert.NotEqual(FloodSafeHash.Of(bytes), FloodSafeHash.Of(changed));
            }
        }
    }
}
