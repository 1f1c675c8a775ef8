using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Raft.Proposals;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// A client that reads and writes, one operation at a time. With a session it repeats an operation under the same stamp until it is answered or its attempts are used up. Without
/// a session it accepts the first answer, including that the operation was not executed.
/// </summary>
internal sealed class SimulatedClient(Random chance, GroupHistory history, bool hasSession, GroupBug bug)
{
    private const int AttemptsMax = 12;

    private static readonly string[] Registers = ["r0", "r1", "r2"];

    private int _process = history.NewProcess();
    private ClientId _id = NewId(chance);
    private ulong _sequence;
    private long _values;
    private GroupOperation? _operation;
    private int _attempts;
    private Proposal? _proposal;
    private ReadAttempt? _read;

    public bool IsIdle => _operation is null;

    /// <summary>Begins an operation, sends it, or polls for its answer.</summary>
    /// <param name="replica">The replica to which the client would send now.</param>
    /// <param name="waits">The client does not abandon an attempt that may still be answered.</param>
    public void Step(SimulatedReplica replica, bool waits)
    {
        if (_operation is null)
        {
            Begin(Choose());
        }
        else if (_read is not null)
        {
            PollRead(waits);
        }
        else if (_proposal is not null)
        {
            PollWrite(waits);
        }
        else
        {
            Send(replica);
        }
    }

    /// <summary>Begins an operation. A read is repeated until it is answered.</summary>
    public void Begin(GroupOperation operation)
    {
        (_operation, _attempts) = (operation, 0);
        _sequence++;
        history.Invoke(_process, operation);
    }

    public static GroupOperation ReadOf(string key) => new(key[0] == 'c' ? Functions.Read : Functions.Get, key);

    /// <summary>All keys that clients use.</summary>
    public static IEnumerable<string> Keys => [.. Registers, "c0"];

    private GroupOperation Choose()
    {
        var key = Registers[chance.Next(Registers.Length)];
        var value = HistoryValue.Text(string.Create(CultureInfo.InvariantCulture, $"{_process}-{++_values}"));
        return chance.Next(100) switch
        {
            < 30 => ReadOf(key),
            < 50 => new GroupOperation(Functions.Put, key) { Value = value },
            < 65 => new GroupOperation(Functions.CompareAndSet, key) { Value = value, Expected = HistoryValue.Text(history.LastSeen(key)) },
            < 72 => new GroupOperation(Functions.Delete, key),
            < 80 => ReadOf("c0"),
            _ => new GroupOperation(Functions.Increment, "c0") { Value = GroupHistory.Number(1) },
        };
    }

    private void Send(SimulatedReplica replica)
    {
        var operation = _operation!;
        if (_attempts++ >= AttemptsMax)
        {
            GiveUp();
        }
        else if (operation.IsRead)
        {
            _read = replica.BeginRead(operation.Key);
        }
        else
        {
            if (bug == GroupBug.RetriesAsNewRequest)
            {
                _sequence++;
            }

            _proposal = replica.Offer(operation.Command(hasSession ? new RequestStamp(_id, _sequence, _sequence) : RequestStamp.None));
        }
    }

    private void PollRead(bool waits)
    {
        var (operation, read) = (_operation!, _read!);
        if (read.IsAnswered)
        {
            Finish(() => history.Ok(_process, operation, operation.IsOfCounter ? GroupHistory.Number(long.Parse(read.Value ?? "0", CultureInfo.InvariantCulture)) : HistoryValue.Text(read.Value)));
        }
        else if (read.IsRefused || GivesUpAttempt(waits))
        {
            _read = null;
        }
    }

    private void PollWrite(bool waits)
    {
        var proposal = _proposal!;
        if (!proposal.Task.IsCompleted)
        {
            if (GivesUpAttempt(waits))
            {
                proposal.GiveUp();
            }

            return;
        }

        var (operation, result) = (_operation!, proposal.Task.Result);
        _proposal = null;
        if (result.Status == ProposalStatus.Applied)
        {
            Answered(operation, (ShardOutcome)result.Outcome!);
        }
        else if (!hasSession && result.Status == ProposalStatus.Unknown)
        {
            GiveUp();
        }
        else if (!hasSession)
        {
            Finish(() => history.Fail(_process, operation, "not-executed"));
        }
    }

    private void Answered(GroupOperation operation, ShardOutcome outcome) => Finish(() =>
    {
        switch (outcome.Status)
        {
            case ShardStatus.Applied:
                history.Ok(_process, operation, operation.Function == Functions.Increment ? GroupHistory.Number(outcome.Counter) : operation.Value);
                break;
            case ShardStatus.ConditionFailed:
                history.Fail(_process, operation, ErrorCodes.CompareMismatch);
                break;
            default:
                throw new InvalidOperationException($"{operation} was refused: {outcome.Reason}.");
        }
    });

    private bool GivesUpAttempt(bool waits) => chance.Next(waits ? 40 : 12) == 0;

    /// <summary>The outcome is unknown and stays so: a new logical client takes over.</summary>
    private void GiveUp()
    {
        var operation = _operation!;
        Finish(() => history.Open(_process, operation));
        (_process, _id, _sequence) = (history.NewProcess(), NewId(chance), 0);
    }

    private void Finish(Action note)
    {
        note();
        (_operation, _proposal, _read) = (null, null, null);
    }

    // A UUID of version 7 (RFC 9562) whose time is the beginning of the run.
    private static ClientId NewId(Random chance) => new(new UInt128(((ulong)GroupRun.BeginsAtMs << 16) | 0x7000UL | (ushort)chance.Next(1 << 12), (ulong)chance.NextInt64()));
}
