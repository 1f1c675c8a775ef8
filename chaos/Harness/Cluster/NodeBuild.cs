namespace KvRaft.Chaos.Cluster;

/// <summary>One build of the node.</summary>
/// <param name="Executable">Its program, on the host.</param>
/// <param name="Image">Its container image; null if there is none.</param>
internal sealed record NodeBuild(string Executable, string? Image);
