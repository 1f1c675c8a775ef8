#if PLANTED_BUGS
namespace KvRaft.Node.Ranges
{
    /// <summary>Resume tokens are taken for any range, and their position is not kept inside it.</summary>
    internal readonly partial record struct ResumeToken
    {
        private static readonly bool TakesAnyRange = Storage.PlantedBug.Is("token-of-another-range");

        static partial void PlantAnyRange(ref Requests.Failure? refusal) => refusal = TakesAnyRange ? null : refusal;

        partial void PlantAnyRange(KeyRange range, ReadOnlyMemory<byte> key, ref KeyRange rest) =>
            rest = !TakesAnyRange ? rest : Reverse ? range with { To = key } : range with { From = key };
    }
}

namespace KvRaft.Node.ShardRequests
{
    using KvRaft.Storage.Commands;

    /// <summary>The leader adds a time-to-live to its own clock, and not the state machine to the clock of the shard.</summary>
    internal static partial class CommandFields
    {
        static partial void PlantLeaderClock(ref Expiry expiry) => expiry = Storage.PlantedBug.Is("expiry-by-leader-clock") && expiry.Kind is ExpiryKind.After or ExpiryKind.AfterByDefault
            ? Expiry.At(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() + expiry.Milliseconds)
            : expiry;
    }
}
#endif
