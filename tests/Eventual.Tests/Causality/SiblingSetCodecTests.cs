using CsCheck;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Tests.Causality;

public class SiblingSetCodecTests
{
    // Written once and kept: bytes on a disk must stay readable.
    private const string Golden =
        "01" + "02" + "0a00000000000000" + "8101" + "03" + "0b00000000000000" + "01" + "01"
        + "01" + "00" + "03" + "0500640000000000" + "90a10f" + "00112233445566778899aabbccddeeff" + "02" + "6869";

    private static readonly SiblingSet GoldenSet = SiblingSet.TryOf(
        VersionVector.Empty.With(new Dot(new ActorId(10, 129), 3)).With(new Dot(new ActorId(11, 1), 1)),
        [
            new Sibling
            {
                Dot = new Dot(new ActorId(10, 129), 3),
                WrittenAt = new HybridStamp(0x640005),
                ExpireAtMs = 250_000,
                WriteId = new UInt128(0x0011223344556677, 0x8899aabbccddeeff),
                Value = "hi"u8.ToArray(),
            },
        ])!;

    [Fact]
    public void Golden_bytes() => Assert.Equal(Golden, Convert.ToHexStringLower(SiblingSetCodec.Encode(GoldenSet)));

    [Fact]
    public void Reads_the_golden_bytes() => Assert.Equal(GoldenSet, SiblingSetCodec.Decode(Convert.FromHexString(Golden)));

    [Fact]
    public void Decoding_returns_the_encoded_state_and_equal_states_have_equal_bytes() => Histories.States.Sample(static states =>
    {
        foreach (var state in states)
        {
            var bytes = SiblingSetCodec.Encode(state);
            Assert.Equal(state, SiblingSetCodec.Decode(bytes));
            Assert.Equal(bytes, SiblingSetCodec.Encode(SiblingSetCodec.Decode(bytes)));
        }
    });

    [Fact]
    public void Random_bytes_are_refused_or_mean_one_state() => Gen.Byte.Array[0, 80].Sample(
        static bytes => Judge([1, .. bytes]), iter: 20_000);

    [Fact]
    public void A_changed_byte_is_refused_or_means_another_state() => Gen.Select(Gen.Int[0, 68], Gen.Byte).Sample(static (place, value) =>
    {
        var bytes = Convert.FromHexString(Golden);
        bytes[place % bytes.Length] = value;
        Judge(bytes);
    });

    [Fact]
    public void A_cut_is_refused()
    {
        var bytes = Convert.FromHexString(Golden);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<EventualFormatException>(() => SiblingSetCodec.Decode(bytes.AsMemory(0, length)));
        }
    }

    private static void Judge(byte[] bytes)
    {
        try
        {
            Assert.Equal(bytes, SiblingSetCodec.Encode(SiblingSetCodec.Decode(bytes)));
        }
        catch (EventualFormatException)
        {
            // Refused with the expected exception.
        }
    }
}
