using KvRaft.Cli;

return await Kvctl.RunAsync(args, CliConsole.OfProcess());
