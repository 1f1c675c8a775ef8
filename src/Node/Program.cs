using KvRaft.Node.Verbs;

return await Verb.RunAsync(args);
