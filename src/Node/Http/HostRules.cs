using System.Collections.Frozen;
using System.Net;
using KvRaft.Node.Options;

namespace KvRaft.Node.Http;

/// <summary>
/// The host names under which a node answers JSON over HTTP. A page in a browser may have any origin and still reach this node: by a name of its own
/// that resolves to this machine (DNS rebinding), or by a form or script of another site. A browser always sends the requested name (Host) and, with every request that could
/// change data, the origin of the page (Origin). So:
/// <list type="bullet">
/// <item>Host is an IP address, a loopback name, a name of this node, or a name of the setting <c>allowedHosts</c>, each also with the dot at its end that a full DNS name may have. An IP
/// address cannot be rebound.</item>
/// <item>Origin, if there is one, is the same host and port, or a host of <c>allowedHosts</c>.</item>
/// </list>
/// The rules do not apply to gRPC calls: a browser sends their content type to another site only after a preflight, which this node never answers, and proxies
/// and service meshes may put any name into <c>:authority</c>. Pure.
/// </summary>
internal sealed class HostRules
{
    private readonly FrozenSet<string> _names;
    private readonly FrozenSet<string> _allowed;

    public HostRules(NodeOptions options)
    {
        _allowed = options.AllowedHosts.Select(WithoutRoot).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        _names = options.AllowedHosts.Append(options.Self.Public.Host).Append(Environment.MachineName).Select(WithoutRoot).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The mistake in the target or the origin of a request; null if there is none.</summary>
    /// <param name="host">The Host header or <c>:authority</c>, with its port if it has one; empty if there is none, which no browser does.</param>
    /// <param name="origin">The Origin header; null if there is none.</param>
    public NamedMistake? Check(HostString host, string? origin)
    {
        if (host.HasValue && !IsOwn(WithoutRoot(host.Host)))
        {
            return new NamedMistake("Host", $"this node is not '{host.Host}'; call it by its address, or add the name to the setting allowedHosts");
        }

        return origin is null || IsSame(host, origin)
            ? null
            : new NamedMistake("Origin", $"requests of pages of '{origin}' are refused; add its host to the setting allowedHosts to accept them");
    }

    private bool IsOwn(string host) =>
        IPAddress.TryParse(host.Trim('[', ']'), out _) || _names.Contains(host) || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private bool IsSame(HostString host, string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var page)
        && (_allowed.Contains(WithoutRoot(page.Host))
            || (host.HasValue && WithoutRoot(page.Host).Equals(WithoutRoot(host.Host), StringComparison.OrdinalIgnoreCase) && page.Port == (host.Port ?? DefaultPort(page.Scheme))));

    /// <summary>The dot at the end of a full DNS name is the root, which changes nothing.</summary>
    private static string WithoutRoot(string host) => host.Length > 1 && host[^1] == '.' ? host[..^1] : host;

    private static int DefaultPort(string scheme) => scheme == "https" ? 443 : 80;
}
