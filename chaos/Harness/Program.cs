using KvRaft.Chaos.Campaigns;
using KvRaft.Chaos.Machine;
using KvRaft.Chaos.Report;

try
{
    var line = CommandLine.Parse(args);
    if (line.Text("--sweep") is { } ledger)
    {
        var left = await new Ledger(ledger).SweepAsync();
        foreach (var thing in left)
        {
            Console.Error.WriteLine($"could not be removed: {thing}");
        }

        return left.Count == 0 ? 0 : 1;
    }

    if (line.Has("--totals"))
    {
        Console.WriteLine(TotalsPage.Of(File.ReadLines(Path.Combine(line.Text("--out") ?? Campaign.OutputDefault, RunLedger.FileName))));
        return 0;
    }

    if (line.Text("--judge") is { } recorded)
    {
        return JudgedHistory.Judge(recorded, line);
    }

    if (line.Has("--help") || !(line.Has("--list") || line.Has("--scenario") || line.Has("--tier") || line.Has("--planted")))
    {
        Console.WriteLine(CommandLine.Usage);
        return line.Has("--help") ? 0 : 2;
    }

    return line.Has("--list") ? await MatrixPage.ShowAsync(Campaign.HostOf(line), Campaign.BuildOf(line, "other-")) : await Campaign.RunAsync(line);
}
catch (ArgumentException misuse)
{
    Console.Error.WriteLine($"chaos/run: {misuse.Message}");
    return 2;
}
