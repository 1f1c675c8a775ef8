using System.Diagnostics.CodeAnalysis;

namespace KvRaft.Client;

/// <summary>
/// Reads <c>kvraft://host[:port][,host[:port]...][/keyspace][?name=value[&amp;name=value...]]</c>. Durations are numbers with a unit: <c>250ms</c>,
/// <c>2s</c>, <c>1m</c>. An error reports all faults of the string at once.
/// <code>
/// timeout        KvClientOptions.Timeout            transport   pipe | unary
/// attempt        KvClientOptions.AttemptTimeout     routing     direct | endpoints
/// connect        KvClientOptions.ConnectTimeout     tls         true | false
/// pipes          KvClientOptions.PipesPerNode       name        KvClientOptions.Name
/// in-flight      KvClientOptions.PipeInFlightMax
/// </code>
/// </summary>
internal static class ConnectionString
{
    private const string Scheme = "kvraft://";

    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out KvClientOptions? options,
        out IReadOnlyList<string> faults)
    {
        ArgumentNullException.ThrowIfNull(text);
        var found = new List<string>();
        faults = found;
        options = null;
        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            found.Add($"It must start with {Scheme}.");
            return false;
        }

        var (address, query) = Cut(text[Scheme.Length..], '?');
        var (hosts, keyspace) = Cut(address, '/');
        var result = new KvClientOptions { Endpoints = ReadEndpoints(hosts, found) };
        if (keyspace.Length > 0)
        {
            result = result with { Keyspace = Uri.UnescapeDataString(keyspace) };
        }

        result = ReadSettings(query, result, found);

        // The parts were checked above, with more precise messages than those of the validator.
        if (found.Count == 0)
        {
            found.AddRange(result.Validate());
        }

        options = found.Count == 0 ? result : null;
        return options is not null;
    }

    private static List<string> ReadEndpoints(string hosts, List<string> faults)
    {
        var endpoints = new List<string>();
        foreach (var host in hosts.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!Endpoint.TryNormalize(host, out var endpoint))
            {
                faults.Add($"'{host}' is not host:port.");
            }
            else if (!endpoints.Contains(endpoint, StringComparer.OrdinalIgnoreCase))
            {
                endpoints.Add(endpoint);
            }
        }

        if (endpoints.Count == 0 && faults.Count == 0)
        {
            faults.Add("It names no node.");
        }

        return endpoints;
    }

    private static KvClientOptions ReadSettings(string query, KvClientOptions options, List<string> faults)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, raw) = Cut(part, '=');
            var value = Uri.UnescapeDataString(raw);
            if (!seen.Add(name))
            {
                faults.Add($"'{name}' is given twice.");
                continue;
            }

            options = ReadSetting(name, value, options, faults);
        }

        return options;
    }

    private static KvClientOptions ReadSetting(string name, string value, KvClientOptions options, List<string> faults)
    {
        return name.ToLowerInvariant() switch
        {
            "timeout" => Duration(d => options with { Timeout = d }),
            "attempt" => Duration(d => options with { AttemptTimeout = d }),
            "connect" => Duration(d => options with { ConnectTimeout = d }),
            "pipes" => Number(n => options with { PipesPerNode = n }),
            "in-flight" => Number(n => options with { PipeInFlightMax = n }),
            "transport" => Choice<KvTransport>(t => options with { Transport = t }),
            "routing" => Choice<KvRouting>(r => options with { Routing = r }),
            "tls" => bool.TryParse(value, out var tls) ? options with { Tls = tls } : Fault("true or false"),
            "name" => options with { Name = value },
            _ => UnknownName(),
        };

        KvClientOptions Duration(Func<TimeSpan, KvClientOptions> set) =>
            DurationText.TryParse(value, out var duration) ? set(duration) : Fault("a duration such as 250ms, 2s or 1m");

        KvClientOptions Number(Func<int, KvClientOptions> set) =>
            int.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var number) ? set(number) : Fault("a whole number");

        KvClientOptions Choice<T>(Func<T, KvClientOptions> set)
            where T : struct, Enum =>
            Enum.TryParse<T>(value, ignoreCase: true, out var choice) && !char.IsAsciiDigit(value[0])
                ? set(choice)
                : Fault(string.Join(" or ", Enum.GetNames<T>()).ToLowerInvariant());

        KvClientOptions Fault(string expected)
        {
            faults.Add($"'{name}={value}': expected {expected}.");
            return options;
        }

        KvClientOptions UnknownName()
        {
            faults.Add($"'{name}' is not a setting.");
            return options;
        }
    }

    private static (string Before, string After) Cut(string text, char separator)
    {
        var at = text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
    }
}
