using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Rules;

/// <summary>Applies encoded commands to the state after the commands before them, each at most once if it is stamped.</summary>
internal sealed partial class CommandApplier(ApplyContext context, SessionTable sessions)
{
    private readonly IApplyScope _shard = new ApplyScope(context, sessions);

    /// <exception cref="UnsupportedCommandException">Another version of the software wrote it; this replica must stop.</exception>
    public ShardOutcome Apply(ReadOnlyMemory<byte> bytes)
    {
        DecodedCommand decoded;
        try
        {
            decoded = CommandCodec.Decode(bytes);
        }
        catch (CommandFormatException)
        {
            return new() { Status = ShardStatus.Refused, Reason = RefusalReason.Malformed };
        }

        var stamp = decoded.Command.Stamp;
        if (stamp.IsNone)
        {
            return Keep(Execute(decoded.Command));
        }

        var answer = sessions.Answer(context, stamp, decoded.BodyHash);
        Plant(decoded.Command, ref answer);
        if (answer is not null)
        {
            return answer;
        }

        var outcome = Execute(decoded.Command);

        // Nothing was changed, and the proposer is about to send the same stamp again with a higher limit.
        if (outcome.Reason != RefusalReason.AnswerTooLarge)
        {
            sessions.Remember(context, stamp, decoded.BodyHash, outcome);
        }

        return Keep(outcome);
    }

    private ShardOutcome Execute(ShardCommand command)
    {
        var shard = _shard;
        Plant(command, ref shard);
        return command.Apply(shard);
    }

    private ShardOutcome Keep(ShardOutcome outcome) => context.AnswersWanted ? outcome : outcome.WithoutValues();

    /// <summary>Only in builds with planted bugs.</summary>
    static partial void Plant(ShardCommand command, ref IApplyScope shard);

    /// <inheritdoc cref="Plant(ShardCommand, ref IApplyScope)"/>
    partial void Plant(ShardCommand command, ref ShardOutcome? answer);
}
