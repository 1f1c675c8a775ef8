using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Report;

namespace KvRaft.Chaos.Campaigns;

/// <summary>
/// <c>chaos/run --judge</c>: the verdicts on an existing history, of this harness or of another store, in the format of <c>chaos/histories</c>. If a
/// question cannot be decided within the budgets, it is undecided, which is not a pass.
/// </summary>
internal static class JudgedHistory
{
    private const int SecondsDefault = 300;
    private const int ShrinkSecondsDefault = 30;

    /// <summary>The exit code of a malformed file, as of any misuse.</summary>
    private const int Malformed = 2;

    /// <returns>The exit code.</returns>
    public static int Judge(string path, CommandLine line)
    {
        try
        {
            return Judge(path, line, Read(path));
        }
        catch (Exception fault) when (fault is HistoryFormatException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Console.Error.WriteLine($"chaos/run: {path}: {fault.Message}");
            return Malformed;
        }
    }

    private static int Judge(string path, CommandLine line, History history)
    {
        var verdicts = HistoryJudge.Judge(history, OptionsOf(line));
        foreach (var verdict in verdicts)
        {
            Console.Write(verdict.ToText());
        }

        var folder = line.Text("--out") ?? Path.Combine(Campaign.OutputDefault, "judged-" + Path.GetFileName(path).Split('.')[0]);
        Directory.CreateDirectory(folder);
        RunFolder.WriteVerdicts(folder, history, verdicts);

        // The worst result wins.
        var exitCode = new[] { Campaign.Violated, Campaign.Undecided }.FirstOrDefault(code => verdicts.Any(verdict => verdict.ExitCode == code));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{history.Operations.Count} operations: {Word(exitCode)}; {Path.Combine(folder, "timeline.html")}"));
        return exitCode;
    }

    private static string Word(int exitCode) => exitCode switch
    {
        0 => "valid",
        Campaign.Violated => "violated",
        _ => "undecided",
    };

    private static History Read(string path)
    {
        using var file = File.OpenRead(path);
        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var text = new StreamReader(content);
        return History.Read(text);
    }

    private static JudgeOptions OptionsOf(CommandLine line)
    {
        var usual = new LinearizabilityOptions();
        var clock = Stopwatch.StartNew();
        var judging = TimeSpan.FromSeconds(line.Number("--seconds-max") ?? SecondsDefault);
        var shrinking = TimeSpan.FromSeconds(line.Number("--shrink-seconds-max") ?? ShrinkSecondsDefault);

        // Shrinking begins when all keys are judged; the first query of the clock comes then.
        Stopwatch? shrinkingClock = null;
        return FaultCatalog.Judging with
        {
            Workload = line.Text("--workload"),
            Linearizability = usual with
            {
                InitialValue = line.Text("--initial"),
                ConfigurationsMax = line.Number("--configurations-max") ?? usual.ConfigurationsMax,
                IsOver = () => clock.Elapsed > judging,
                IsShrinkingOver = () => (shrinkingClock ??= Stopwatch.StartNew()).Elapsed > shrinking,
            },
        };
    }
}
