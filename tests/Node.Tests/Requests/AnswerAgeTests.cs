using CsCheck;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Requests;

/// <summary>The age of the data in a header is never less than the true age.</summary>
public class AnswerAgeTests
{
    private static readonly Gen<(bool IsLinearizable, double? Ms)> States =
        from isLinearizable in Gen.Bool
        from ms in Gen.OneOf(Gen.Const((double?)null), Gen.Double[0, 5_000].Select(static ms => (double?)ms))
        select (isLinearizable, ms);

    [Fact]
    public void It_is_rounded_up_and_zero_only_where_the_answer_is_linearizable()
    {
        Assert.Equal(0, AnswerAge.Of(Consistency.Linearizable, null));
        Assert.Equal(AnswerAge.Unknown, AnswerAge.Of(Consistency.Any, null));
        Assert.Equal(13, AnswerAge.Of(Consistency.BoundedStaleness, TimeSpan.FromMilliseconds(12.1)));
    }

    [Fact]
    public void The_wait_of_an_answer_is_added_unless_it_is_linearizable_or_its_age_is_unknown()
    {
        var (bounded, unknown, linearizable) = (Header(Consistency.BoundedStaleness, 12), Header(Consistency.Any, -1), Header(Consistency.Linearizable, 0));
        foreach (var header in new[] { bounded, unknown, linearizable })
        {
            AnswerAge.Add(header, TimeSpan.FromMilliseconds(30.5));
        }

        Assert.Equal((43L, -1L, 0L), (bounded.StalenessMs, unknown.StalenessMs, linearizable.StalenessMs));
        AnswerAge.Add(null, TimeSpan.FromSeconds(1));
    }

    /// <summary>Several keys read within some time of each other and sent as one answer: none of them is older than the answer reports.</summary>
    [Fact]
    public void The_age_of_several_answers_is_at_least_that_of_each() => (
        from states in States.Array[1, 8]
        from readAt in Gen.Double[0, 500].Array[8]
        from later in Gen.Double[0, 500]
        select (states, readAt, Left: readAt.Max() + later)).Sample(static told =>
        {
            var headers = told.states.Select(static state => Header(
                state.IsLinearizable ? Consistency.Linearizable : Consistency.Any,
                AnswerAge.Of(state.IsLinearizable ? Consistency.Linearizable : Consistency.Any, state.Ms is { } ms ? TimeSpan.FromMilliseconds(ms) : null))).ToArray();
            var all = AnswerAge.OfAll(headers, TimeSpan.FromMilliseconds(told.Left));
            if (told.states.All(static state => state.IsLinearizable))
            {
                Assert.Equal(0, all);
                return;
            }

            for (var i = 0; i < headers.Length; i++)
            {
                var (isLinearizable, ms) = told.states[i];
                var truth = isLinearizable ? 0 : ms;
                Assert.True(all == AnswerAge.Unknown || (truth is { } age && all >= age + told.Left - told.readAt[i]), $"{all} ms returned");
            }

            Assert.Equal(told.states.Any(static state => !state.IsLinearizable && state.Ms is null), all == AnswerAge.Unknown);
        });

    private static ResponseHeader Header(Consistency delivered, long stalenessMs) => new() { ConsistencyDelivered = delivered, StalenessMs = stalenessMs };
}
