using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.State;

namespace KvRaft.Node.Administration;

/// <summary>
/// Calls about placement, from the caller to the leader of group 0, wherever it is, and back. After a change that another node made the answer
/// waits until this node has heard of it too, so that whoever made it here can look at it here. Thread-safe.
/// </summary>
internal sealed class PlacementCalls(
    NodeOptions options, PlacementRouter router, PlacementAgent agent, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>For a call that is one command.</summary>
    /// <param name="command">What to propose.</param>
    /// <param name="answer">What an outcome that the rules did not refuse means to the caller.</param>
    /// <param name="forward">The same call to another node.</param>
    /// <param name="isHeard">Does a state show what the answer says?</param>
    /// <param name="context">Of the call: its deadline, and whether it was forwarded already.</param>
    /// <exception cref="RpcException">It was refused, or could not be done in time.</exception>
    public Task<T> ChangeAsync<T>(
        PlacementCommand command,
        Func<PlacementOutcome, Answered<T>> answer,
        Func<Peer, CallOptions, AsyncUnaryCall<T>> forward,
        Func<T, PlacementState, bool> isHeard,
        ServerCallContext context)
        where T : class =>
        RunAsync(deadline => router.ProposeAsync(command, answer, deadline), forward, isWrite: true, isHeard, context);

    /// <summary>For a call that looks at what only the leader knows; there is nothing to hear of afterwards.</summary>
    /// <exception cref="RpcException">It was refused, or could not be done in time.</exception>
    public Task<T> LookAsync<T>(
        Func<Deadline, Task<Answered<T>>> runHere, Func<Peer, CallOptions, AsyncUnaryCall<T>> forward, ServerCallContext context)
        where T : class =>
        RunAsync(runHere, forward, isWrite: false, static (_, _) => true, context);

    /// <summary>For a call that is more than one command.</summary>
    /// <exception cref="RpcException">It was refused, or could not be done in time.</exception>
    public Task<T> ChangeAsync<T>(
        Func<Deadline, Task<Answered<T>>> runHere,
        Func<Peer, CallOptions, AsyncUnaryCall<T>> forward,
        Func<T, PlacementState, bool> isHeard,
        ServerCallContext context)
        where T : class =>
        RunAsync(runHere, forward, isWrite: true, isHeard, context);

    private async Task<T> RunAsync<T>(
        Func<Deadline, Task<Answered<T>>> runHere,
        Func<Peer, CallOptions, AsyncUnaryCall<T>> forward,
        bool isWrite,
        Func<T, PlacementState, bool> isHeard,
        ServerCallContext context)
        where T : class
    {
        var deadline = Deadline.Of(null, context.Deadline, options.Limits, time);
        var answered = await router.RouteAsync(() => runHere(deadline), forward, isWrite, PeerCalls.WasForwarded(context), deadline);
        if (!answered.HasAnswer)
        {
            throw RpcStatus.ToException(answered.Failure);
        }

        if (!isHeard(answered.Answer, agent.State))
        {
            // The leader tells its followers what is agreed with its next message, which without work is the next heartbeat; the round this costs it is that
            // message. Measured: 8 ms instead of 400. Nobody waits for what it answers: if nothing does, the heartbeat comes.
            _ = router.ReadAsync(deadline);
        }

        try
        {
            await agent.WaitForAsync(state => isHeard(answered.Answer, state), tokens.For(deadline));
        }
        catch (OperationCanceledException)
        {
            // The caller's time is over, and the answer is known.
        }

        return answered.Answer;
    }
}
