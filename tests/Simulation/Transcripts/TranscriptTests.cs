using System.Globalization;
using KvRaft.Simulation.Tests.Groups;

namespace KvRaft.Simulation.Tests.Transcripts;

/// <summary>Runs each script of this folder and compares its effects with the text in the file. With the environment variable <c>KVRAFT_UPDATE_TRANSCRIPTS</c> set to 1 the files are rewritten instead.</summary>
public class TranscriptTests(ITestOutputHelper output)
{
    private const string UpdateVariable = "KVRAFT_UPDATE_TRANSCRIPTS";

    public static TheoryData<string> Names => [.. Transcript.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_script_has_exactly_the_recorded_effects(string name)
    {
        var transcript = Transcript.Of(name);
        var text = await transcript.RunAsync();
        Assert.DoesNotContain(ScriptedGroup.Violation, text, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            transcript.Write(text);
            return;
        }

        Assert.True(transcript.Text == text, $"{name}.txt differs from the code{FirstDifference(transcript.Text, text)}\nTo regenerate: {UpdateVariable}=1 dotnet run --project tests/Simulation -- --filter-class '*TranscriptTests'");
    }

    /// <summary>The transcripts detect wrong rules: with a planted bug, the effects of at least one script change.</summary>
    [Theory]
    [InlineData(GroupBug.AnswersBeforeDisk)]
    [InlineData(GroupBug.VotesBeforeDisk)]
    [InlineData(GroupBug.ReadsWithoutConfirmation)]
    [InlineData(GroupBug.ReadsBeforeFirstCommitOfTerm)]
    [InlineData(GroupBug.CommitsBeyondRequest)]
    [InlineData(GroupBug.ReportsUnknownAsFailed)]
    [InlineData(GroupBug.DropsUnflushedEntries)]
    [InlineData(GroupBug.CountsPartialAnswers)]
    public async Task A_planted_bug_changes_a_transcript(GroupBug bug)
    {
        List<string> changed = [];
        foreach (var name in Transcript.Names)
        {
            if (await IsChangedAsync(Transcript.Of(name), bug))
            {
                changed.Add(name);
            }
        }

        output.WriteLine($"{bug} changes {string.Join(", ", changed)}");
        Assert.NotEmpty(changed);
    }

    private async Task<bool> IsChangedAsync(Transcript transcript, GroupBug bug)
    {
        try
        {
            return await transcript.RunAsync(bug) != transcript.Text;
        }
        catch (Exception error)
        {
            // The code of the store detects the bug itself: without it, the same script runs to its end.
            output.WriteLine($"{bug}: {error.Message}");
            return true;
        }
    }

    private static string FirstDifference(string recorded, string text)
    {
        var (old, now) = (recorded.Split('\n'), text.Split('\n'));
        var at = old.Zip(now).TakeWhile(static pair => pair.First == pair.Second).Count();
        return string.Create(
            CultureInfo.InvariantCulture, $" at line {at + 1}\nfile: {old.ElementAtOrDefault(at) ?? "(end)"}\ncode: {now.ElementAtOrDefault(at) ?? "(end)"}");
    }
}
