using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Raft.Proposals;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// One that reads and writes, an operation at a time. With a session it asks again, under the same stamp, until it is answered or out of patience; without
/// one it believes the first answer, also that nothing was done.
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

    /// <summary>Begins something, asks somebody, or looks whether there is an answer.</summary>
    /// <param name="replica">Whom it would ask now.</param>
    /// <param name="isPatient">It does not give up an attempt that may still be answered.</param>
    public void Step(SimulatedReplica replica, bool isPatient)
    {
        if (_operation is null)
        {
            Begin(Choose());
        }
        else if (_read is not null)
        {
            LookAtRead(isPatient);
        }
        else if (_proposal is not null)
        {
            LookAtWrite(isPatient);
        }
        else
        {
            Ask(replica);
        }
    }

    /// <summary>Reads a key until it is answered.</summary>
    public void Begin(GroupOperation operation)
    {
        (_operation, _attempts) = (operation, 0);
        _sequence++;
        history.Invoke(_process, operation);
    }

    public static GroupOperation ReadOf(string key) => new(key[0] == 'c' ? Functions.Read : Functions.Get, key);

    /// <summary>All there are.</summary>
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

    private void Ask(SimulatedReplica replica)
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
            if (bug == GroupBug.RetriesAsNew)
            {
                _sequence++;
            }

            _proposal = replica.Offer(operation.Command(hasSession ? new RequestStamp(_id, _sequence, _sequence) : RequestStamp.None));
        }
    }

    private void LookAtRead(bool isPatient)
    {
        var (operation, read) = (_operation!, _read!);
        if (read.IsAnswered)
        {
            Finish(() => history.Ok(_process, operation, operation.IsOfCounter ? GroupHistory.Number(long.Parse(read.Value ?? "0", CultureInfo.InvariantCulture)) : HistoryValue.Text(read.Value)));
        }
        else if (read.IsRefused || Tires(isPatient))
        {
            _read = null;
        }
    }

    private void LookAtWrite(bool isPatient)
    {
        var proposal = _proposal!;
        if (!proposal.Task.IsCompleted)
        {
            if (Tires(isPatient))
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

    private bool Tires(bool isPatient) => chance.Next(isPatient ? 40 : 12) == 0;

    /// <summary>Its fate is not known, and never will be: whoever goes on is somebody else.</summary>
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

    // A UUID of version 7 (RFC 9562), of a writer that begins now.
    private static ClientId NewId(Random chance) => new(new UInt128(((ulong)GroupRun.BeginsAtMs << 16) | 0x7000UL | (ushort)chance.Next(1 << 12), (ulong)chance.NextInt64()));
}
