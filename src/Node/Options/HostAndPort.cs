using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace KvRaft.Node.Options;

/// <summary>An address in its usual text form: <c>host:port</c>, <c>10.0.0.1:7400</c> or <c>[::1]:7400</c>.</summary>
internal readonly record struct HostAndPort(string Host, int Port)
{
    public static bool TryParse(string? text, out HostAndPort address)
    {
        address = default;
        var colon = text?.LastIndexOf(':') ?? -1;
        if (colon <= 0
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > IPEndPoint.MaxPort)
        {
            return false;
        }

        var host = text![..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
        }

        if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            return false;
        }

        address = new HostAndPort(host, port);
        return true;
    }

    /// <summary>The address to connect to: an <see cref="IPEndPoint"/>, or a name to be resolved at each connect.</summary>
    public EndPoint ToEndPoint() =>
        IPAddress.TryParse(Host, out var ip) ? new IPEndPoint(ip, Port) : new DnsEndPoint(Host, Port);

    /// <summary>The address to listen on, if it is a literal address (or <c>localhost</c>).</summary>
    public bool TryToListen([NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        var ip = Host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(Host, out var parsed) ? parsed : null;
        endPoint = ip is null ? null : new IPEndPoint(ip, Port);
        return endPoint is not null;
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
