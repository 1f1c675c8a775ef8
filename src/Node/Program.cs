using KvRaft.Node.Verbs;
using KvRaft.Storage;

FileMask.RestrictToOwner();
return await Verb.RunAsync(args);
