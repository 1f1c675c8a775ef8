namespace KvRaft.Chaos.Cluster;

/// <summary>One build of the node.</summary>
/// <param name="Executable">Its program, on the host.</param>
/// <param name="Image">The same for containers; null where there are none.</param>
internal sealed record NodeBuild(string Executable, string? Image);
