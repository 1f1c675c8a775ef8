using System.Reflection;

namespace KvRaft.Node.Lifecycle;

/// <summary>The version of this software, as in <c>Directory.Build.props</c>.</summary>
internal static class ServerVersion
{
    public static string Text { get; } = typeof(ServerVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>The version of the protocol <c>kvraft.v1</c>.</summary>
    public const int Protocol = 1;
}
