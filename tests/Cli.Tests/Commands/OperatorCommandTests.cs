using KvRaft.Cli.Commands;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

public sealed class OperatorCommandTests
{
    [Theory]
    [InlineData(12, 1, null, "1 move cancelled; running moves are being reverted.", ExitCodes.Ok)]
    [InlineData(0, 3, null, "3 moves cancelled; running moves are being reverted.", ExitCodes.Ok)]
    [InlineData(0, 0, null, "No move runs or waits.", ExitCodes.Ok)]
    [InlineData(12, 0, "dropped", "op-12 has ended already: dropped.", ExitCodes.Ok)]
    [InlineData(12, 0, "moved", "kvctl: op-12 has ended: the replica was moved; show with: kvctl operator show op-12", ExitCodes.Failed)]
    public void A_cancellation_of_an_ended_move_does_not_report_a_reversal(long number, int cancelled, string? end, string text, int exitCode) =>
        Assert.Equal((text, exitCode), OperatorCommand.Cancelled(number, cancelled, end is null ? null : new OperatorInfo { Number = number, State = end }));
}
