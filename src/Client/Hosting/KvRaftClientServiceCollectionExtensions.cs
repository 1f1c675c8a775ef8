using KvRaft.Client;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>
/// Registers a <see cref="KvClient"/> as a singleton, under its own type and as <see cref="IKvClient"/>. Each registration has its own options; keyed
/// registrations are independent. The logger factory of the container is used unless the options set one.
/// </summary>
public static class KvRaftClientServiceCollectionExtensions
{
    /// <exception cref="FormatException">The connection string is invalid; the message names all faults.</exception>
    public static IServiceCollection AddKvRaftClient(this IServiceCollection services, string connectionString)
    {
        var options = KvClientOptions.Parse(connectionString);
        return services.AddKvRaftClient(_ => options);
    }

    public static IServiceCollection AddKvRaftClient(this IServiceCollection services, Func<IServiceProvider, KvClientOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton(provider => Create(provider, options(provider)));
        services.TryAddSingleton<IKvClient>(static provider => provider.GetRequiredService<KvClient>());
        return services;
    }

    /// <exception cref="FormatException">The connection string is invalid; the message names all faults.</exception>
    public static IServiceCollection AddKeyedKvRaftClient(this IServiceCollection services, object serviceKey, string connectionString)
    {
        var options = KvClientOptions.Parse(connectionString);
        return services.AddKeyedKvRaftClient(serviceKey, _ => options);
    }

    public static IServiceCollection AddKeyedKvRaftClient(
        this IServiceCollection services, object serviceKey, Func<IServiceProvider, KvClientOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(serviceKey);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddKeyedSingleton(serviceKey, (provider, _) => Create(provider, options(provider)));
        services.TryAddKeyedSingleton<IKvClient>(serviceKey, static (provider, key) => provider.GetRequiredKeyedService<KvClient>(key));
        return services;
    }

    private static KvClient Create(IServiceProvider provider, KvClientOptions options) =>
        new(options.LoggerFactory is null ? options with { LoggerFactory = provider.GetService<ILoggerFactory>() } : options);
}
