using System.Globalization;

namespace KvRaft.Client;

/// <summary>The text <c>host:port</c>; an IPv6 host is in brackets.</summary>
internal static class Endpoint
{
    public static bool IsValid(string text) => TryNormalize(text, out var whole) && whole == text;

    /// <summary>Adds the default port if none is given.</summary>
    public static bool TryNormalize(string text, out string endpoint)
    {
        endpoint = "";
        var colon = text.LastIndexOf(':');
        var bracket = text.LastIndexOf(']');
        var hasPort = colon > bracket;
        var host = hasPort ? text[..colon] : text;
        var port = KvClientOptions.DefaultPort;
        if (hasPort && !(int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
            && port is >= 1 and <= 65535))
        {
            return false;
        }

        if (!IsHost(host))
        {
            return false;
        }

        endpoint = string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
        return true;
    }

    private static bool IsHost(string host) =>
        host.StartsWith('[') && host.EndsWith(']')
            ? System.Net.IPAddress.TryParse(host.AsSpan(1, host.Length - 2), out _)
            : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;
}
