using CsCheck;
using KvRaft.Raft.Proposals;

namespace KvRaft.Raft.Tests.Proposals;

public sealed class EntryEnvelopeTests
{
    private static readonly EntryId Id = new(new Guid("00112233-4455-6677-8899-aabbccddeeff"), 7);

    [Fact]
    public void Its_bytes_never_change()
    {
        var bytes = EntryEnvelope.Encode(Id, new ProposalTime(0x0102030405060708, IsStep: true), ["ab"u8.ToArray(), Array.Empty<byte>()]);

        Assert.Equal(
            "02" + "33221100554477668899AABBCCDDEEFF" + "0700000000000000" + "0807060504030201" + "01" + "02000000" + "020000006162" + "00000000",
            Convert.ToHexString(bytes));
    }

    [Fact]
    public void Encoded_values_are_decoded() =>
        Gen.Select(Gen.Guid, Gen.Long, Gen.Long, Gen.Bool, Gen.Byte.Array[0, 50].Array[0, 20]).Sample((proposer, number, stamp, isStep, commands) =>
        {
            var time = new ProposalTime(stamp, isStep);
            var decoded = EntryEnvelope.Decode(EntryEnvelope.Encode(new EntryId(proposer, number), time, [.. commands.Select(command => (ReadOnlyMemory<byte>)command)]));
            Assert.Equal((new EntryId(proposer, number), time), (decoded.Id, decoded.Time));
            Assert.Equal(commands, decoded.Commands.Select(command => command.ToArray()));
        });

    [Fact]
    public void Damaged_bytes_are_refused_and_nothing_else_happens()
    {
        var good = EntryEnvelope.Encode(Id, new ProposalTime(1, IsStep: false), ["abc"u8.ToArray(), "defg"u8.ToArray()]);
        Gen.Select(Gen.Int[0, good.Length], Gen.Byte.Array[0, 8]).Sample((cut, tail) =>
        {
            byte[] bytes = [.. good[..cut], .. tail];
            try
            {
                EntryEnvelope.Decode(bytes);
            }
            catch (InvalidDataException)
            {
                return;
            }

            Assert.True(cut + tail.Length >= EntryEnvelope.HeaderLength);
        });
        Assert.Throws<InvalidDataException>(() => EntryEnvelope.Decode(Array.Empty<byte>()));
        Assert.Throws<InvalidDataException>(() => EntryEnvelope.Decode((byte[])[1, .. good[1..]]));
        Assert.Throws<InvalidDataException>(() => EntryEnvelope.Decode((byte[])[.. good[..33], 2, .. good[34..]]));
        Assert.Throws<InvalidDataException>(() => EntryEnvelope.Decode((byte[])[.. good, 0]));
    }
}
