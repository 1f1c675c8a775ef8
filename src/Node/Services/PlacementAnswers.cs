using KvRaft.Node.Membership;
using KvRaft.Node.Routing;

namespace KvRaft.Node.Services;

/// <summary>How a change of placement is answered.</summary>
internal static class PlacementAnswers
{
    /// <summary>The answer, once this node has heard of the change too, so that whoever made it here can look at it here; or the failure as an exception.</summary>
    public static async Task<T> AnswerAsync<T>(
        this PlacementAgent agent, Answered<T> answered, Func<T, long> epochOf, CancellationToken cancellationToken)
        where T : class
    {
        if (!answered.HasAnswer)
        {
            throw RpcStatus.ToException(answered.Failure);
        }

        try
        {
            await agent.WaitForAsync(state => state.Epoch.Value >= epochOf(answered.Answer), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The caller's time is over, and the answer is known.
        }

        return answered.Answer;
    }
}
