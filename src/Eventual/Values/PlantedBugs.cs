#if PLANTED_BUGS
using KvRaft.Storage;

// The planted bugs of this component, in one place: the code that people read has one call of a partial method where they attach, which the compiler removes from an ordinary build.
namespace KvRaft.Eventual.Causality
{
    public sealed partial class SiblingSet
    {
        partial void PlantWrite(Sibling written, ref SiblingSet result)
        {
            if (PlantedBug.Is("last-writer-wins"))
            {
                result = new SiblingSet(result.Seen.Merge(Seen), [written]);
            }
        }

        partial void PlantDelete(ref SiblingSet result)
        {
            if (PlantedBug.Is("tombstone-forgotten") && result.IsTombstone && !Siblings.IsEmpty)
            {
                result = Empty;
            }
        }
    }
}

namespace KvRaft.Eventual.Values
{
    public sealed partial record PnCounter
    {
        partial void PlantMerge(PnCounter other, ref PnCounter merged)
        {
            if (PlantedBug.Is("merge-counts-twice"))
            {
                var shares = Shares.Concat(other.Shares).GroupBy(static share => share.Actor).OrderBy(static group => group.Key);
                merged = new PnCounter([.. shares.Select(static group => new CounterShare(group.Key, group.Aggregate(0UL, static (sum, share) => sum + share.Added), group.Max(static share => share.Taken)))]);
            }
        }
    }
}
#endif
