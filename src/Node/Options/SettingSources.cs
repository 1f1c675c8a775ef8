using System.Collections;
using System.Text.Json;

namespace KvRaft.Node.Options;

/// <summary>
/// The sources of settings: the file, over it the environment, over it the flags. An environment variable is
/// <c>KVRAFT_</c> and the setting with <c>_</c> between words and <c>__</c> between parts:
/// <c>KVRAFT_DATA_DIRECTORY</c>, <c>KVRAFT_LIMITS__VALUE_BYTES_MAX</c>, <c>KVRAFT_NODES__0__ID</c>.
/// </summary>
internal static class SettingSources
{
    private const string Prefix = "KVRAFT_";

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="FormatException">The file is no JSON object.</exception>
    public static IConfiguration Merge(
        string? file, IDictionary environment, IEnumerable<KeyValuePair<string, string?>> flags)
    {
        var builder = new ConfigurationBuilder();
        if (file is not null)
        {
            builder.AddConfiguration(Json(File.ReadAllBytes(file)));
        }

        return builder.AddInMemoryCollection(FromEnvironment(environment)).AddInMemoryCollection(flags).Build();
    }

    /// <summary>The parser of the configuration reports text that is no JSON, JSON that is no object, and strings that are no text by three exceptions.</summary>
    private static IConfigurationRoot Json(byte[] bytes)
    {
        try
        {
            return new ConfigurationBuilder().AddJsonStream(new MemoryStream(bytes)).Build();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FormatException(error.Message, error);
        }
    }

    /// <summary>A setting on the command line: <c>limits.keyBytesMax=1000</c>, <c>nodes[0].weight=2</c>.</summary>
    /// <exception cref="InvalidOptionsException">There is no <c>=</c>.</exception>
    public static KeyValuePair<string, string?> Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            throw new InvalidOptionsException([new OptionMistake("--set", text, "name=value")]);
        }

        var path = text[..equals]
            .Replace("[", ":", StringComparison.Ordinal)
            .Replace("]", "", StringComparison.Ordinal)
            .Replace('.', ':');
        return new(path, text[(equals + 1)..]);
    }

    /// <summary>
    /// Only names of settings: other programs (the test tools, scripts around the server) may use the prefix for their
    /// own purposes.
    /// </summary>
    private static IEnumerable<KeyValuePair<string, string?>> FromEnvironment(IDictionary environment)
    {
        foreach (DictionaryEntry variable in environment)
        {
            if (variable.Key is string name && name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            {
                var path = name[Prefix.Length..]
                    .Replace("__", ":", StringComparison.Ordinal)
                    .Replace("_", "", StringComparison.Ordinal);
                if (SettingNames.IsKnown(path))
                {
                    yield return new(path, variable.Value as string);
                }
            }
        }
    }
}
