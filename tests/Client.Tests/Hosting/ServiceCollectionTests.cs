using Microsoft.Extensions.DependencyInjection;

namespace KvRaft.Client.Tests.Hosting;

public sealed class ServiceCollectionTests
{
    [Fact]
    public async Task The_class_and_the_interface_are_one_client()
    {
        await using var provider = new ServiceCollection().AddKvRaftClient("kvraft://localhost:1").BuildServiceProvider();

        Assert.Same(provider.GetRequiredService<KvClient>(), provider.GetRequiredService<IKvClient>());
    }

    [Fact]
    public async Task Keyed_clients_keep_their_own_options()
    {
        await using var provider = new ServiceCollection()
            .AddKeyedKvRaftClient("a", "kvraft://localhost:1/orders")
            .AddKeyedKvRaftClient("b", "kvraft://localhost:2/carts")
            .BuildServiceProvider();

        Assert.Equal("orders", provider.GetRequiredKeyedService<IKvClient>("a").Options.Keyspace);
        Assert.Equal("carts", provider.GetRequiredKeyedService<IKvClient>("b").Options.Keyspace);
    }

    [Fact]
    public void A_container_that_cannot_await_can_still_close_a_client()
    {
        using var provider = new ServiceCollection().AddKvRaftClient("kvraft://localhost:1").BuildServiceProvider();
        var client = provider.GetRequiredService<IKvClient>();

        Assert.Equal(["localhost:1"], client.Options.Endpoints);
    }
}
