using System.Diagnostics;
using System.Globalization;
using CsCheck;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>
/// Two processes hash strings and objects with different seeds. If such a hash reached stored state or answers, replicas would
/// diverge. So a second process applies the same logs, and must compute the same digests.
/// </summary>
public sealed class TwoProcessesTests : IDisposable
{
    /// <summary>Set in the second process: where it writes its digests.</summary>
    private const string AnswerVariable = "KVRAFT_TEST_DIGESTS";

    /// <summary>A CsCheck seed, which fixes its first sample only: both processes must generate the same logs.</summary>
    private const string Seed = "0000KvRaft01";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact, Trait("Category", "Long")]
    public async Task The_same_log_has_the_same_digest_in_another_process()
    {
        if (Environment.GetEnvironmentVariable(AnswerVariable) is { } answer)
        {
            await File.WriteAllLinesAsync(answer, Digests());
            return;
        }

        var file = _directory["digests"];
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            Environment = { [AnswerVariable] = file },
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(TwoProcessesTests).Assembly.Location);
        }

        start.ArgumentList.Add("--filter-class");
        start.ArgumentList.Add(typeof(TwoProcessesTests).FullName!);
        using var other = Process.Start(start)!;
        var output = await other.StandardOutput.ReadToEndAsync();
        await other.WaitForExitAsync();

        Assert.True(other.ExitCode == 0, output);
        Assert.Equal(Digests(), await File.ReadAllLinesAsync(file));
    }

    private List<string> Digests()
    {
        var digests = new List<string>();
        CommandGen.Log.Array[20].Sample(
            logs =>
            {
                foreach (var log in logs)
                {
                    using var machine = ShardStateMachine.Open(_directory[$"shard{digests.Count}"], new InMemoryEngines(), ShardSettings.Default);
                    machine.Apply(CommandGen.Entries(log));
                    digests.Add(machine.Digest().ToString("x16", CultureInfo.InvariantCulture));
                }
            },
            seed: Seed,
            iter: 1,
            threads: 1);
        return digests;
    }
}
