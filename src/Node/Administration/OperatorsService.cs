using Grpc.Core;
using KvRaft.Node.Control;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.State;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>The committed moves, one by one. Only the leader of group 0 has the reason why one waits.</summary>
internal sealed class OperatorsService(PlacementCalls calls, PlacementRouter router, PlanMaker plans, OperatorWatchdog watchdog, TimeProvider time) : Operators.OperatorsBase
{
    public override Task<ListOperatorsResponse> List(ListOperatorsRequest request, ServerCallContext context) =>
        calls.LookAsync(deadline => ListHereAsync(request, deadline), (peer, call) => peer.Operators.ListAsync(request, call), context);

    public override Task<OperatorAnswer> Cancel(CancelOperatorRequest request, ServerCallContext context) => calls.ChangeAsync(
        deadline => CancelHereAsync(request.Number, deadline),
        (peer, call) => peer.Operators.CancelAsync(request, call),
        static (answer, state) => state.Epoch.Value >= answer.Epoch,
        context);

    public override Task<OperatorAnswer> Hold(HoldOperatorRequest request, ServerCallContext context) => request.Number < 0
        ? throw RpcStatus.ToException(Failure.Invalid("number", "from 1, or 0 for all"))
        : calls.ChangeAsync<OperatorAnswer>(
            new HoldOperator(request.Number, !request.Resume),
            static outcome => new OperatorAnswer { Epoch = ((OperatorChanged)outcome).Epoch.Value, Operators = 1 },
            (peer, call) => peer.Operators.HoldAsync(request, call),
            static (answer, state) => state.Epoch.Value >= answer.Epoch,
            context);

    private async Task<Answered<ListOperatorsResponse>> ListHereAsync(ListOperatorsRequest request, Deadline deadline)
    {
        if (await plans.LookAsync(deadline) is not { } sight)
        {
            return PlanMaker.NotLed;
        }

        var response = new ListOperatorsResponse { Epoch = sight.State.Epoch.Value, Held = sight.State.Operations.IsHeld };
        response.Operators.Add(sight.State.Operations.Operators.Select(one => PlacementWire.ToWire(one, sight, watchdog.Still(one.Number))));
        if (request.History)
        {
            response.History.Add(sight.State.Operations.History.Reverse().Select(PlacementWire.ToWire));
        }

        return response;
    }

    private async Task<Answered<OperatorAnswer>> CancelHereAsync(long number, Deadline deadline)
    {
        if (await plans.LookAsync(deadline) is not { State: var state })
        {
            return PlanMaker.NotLed;
        }

        var numbers = number == 0 ? [.. state.Operations.Operators.Select(static one => one.Number)] : new[] { number };
        if (number < 0)
        {
            return Failure.Invalid("number", "from 1, or 0 for all");
        }

        // The last first, so that a move that waits for a cancelled one does not start.
        var answer = new OperatorAnswer { Epoch = state.Epoch.Value };
        foreach (var each in numbers.Reverse())
        {
            var ended = await router.ProposeAsync<OperatorAnswer>(
                new EndOperator(each, "cancelled by hand", time.GetUtcNow().ToUnixTimeMilliseconds()),
                static outcome =>
                {
                    var changed = (OperatorChanged)outcome;
                    return new OperatorAnswer { Epoch = changed.Epoch.Value, Operators = changed.HadEnded ? 0 : 1 };
                },
                deadline);
            if (!ended.HasAnswer)
            {
                return ended;
            }

            answer.Epoch = ended.Answer.Epoch;
            answer.Operators += ended.Answer.Operators;
        }

        return answer;
    }
}
