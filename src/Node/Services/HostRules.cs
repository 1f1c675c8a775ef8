using System.Collections.Frozen;
using System.Net;
using KvRaft.Node.Options;

namespace KvRaft.Node.Services;

/// <summary>
/// Which names a node answers to when it is asked by JSON over HTTP. A page in a browser may come from anywhere and still reach this node: by a name of its own
/// that resolves to this machine (DNS rebinding), or by a form or script of another site. A browser always says which name it asked for (Host) and, with anything that could
/// change something, where the page came from (Origin). So:
/// <list type="bullet">
/// <item>Host is an IP address, a loopback name, a name of this node, or a name of the setting <c>allowedHosts</c>. An IP address cannot be rebound.</item>
/// <item>Origin, if there is one, is the same host and port, or a host of <c>allowedHosts</c>.</item>
/// </list>
/// gRPC calls are not asked: their content type is one that a browser sends to another site only after a preflight, which this node never answers, and proxies
/// and service meshes may put any name into <c>:authority</c>. Pure.
/// </summary>
internal sealed class HostRules
{
    private readonly FrozenSet<string> _names;
    private readonly FrozenSet<string> _allowed;

    public HostRules(NodeOptions options)
    {
        _allowed = options.AllowedHosts.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        _names = options.AllowedHosts.Append(options.Self.Public.Host).Append(Environment.MachineName).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>What is wrong with where a request says that it goes and comes from; null if nothing is.</summary>
    /// <param name="host">The Host header or <c>:authority</c>, with its port if it has one; empty if there is none, which no browser does.</param>
    /// <param name="origin">The Origin header; null if there is none.</param>
    public NamedMistake? Check(HostString host, string? origin)
    {
        if (host.HasValue && !IsOwn(host.Host))
        {
            return new NamedMistake("Host", $"this node is not '{host.Host}'; ask it by its address, or add the name to the setting allowedHosts");
        }

        return origin is null || IsSame(host, origin)
            ? null
            : new NamedMistake("Origin", $"requests of pages of '{origin}' are refused; add its host to the setting allowedHosts to take them");
    }

    private bool IsOwn(string host) =>
        IPAddress.TryParse(host.Trim('[', ']'), out _) || _names.Contains(host) || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private bool IsSame(HostString host, string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var page)
        && (_allowed.Contains(page.Host)
            || (host.HasValue && page.Host.Equals(host.Host, StringComparison.OrdinalIgnoreCase) && page.Port == (host.Port ?? DefaultPort(page.Scheme))));

    private static int DefaultPort(string scheme) => scheme == "https" ? 443 : 80;
}
