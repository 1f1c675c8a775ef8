using KvRaft.Client;
using KvRaft.TestKit;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;

namespace KvRaft.Integration.Tests;

/// <summary>
/// The C# of README.md and docs, so that a compiler reads it: Tidy.Tests requires every line of it here. It is never run, because the addresses are those of
/// the reader's own cluster; what it does is tested in <see cref="ClientTests"/>, <see cref="FaultsByCallTests"/> and <see cref="EventualCartTests"/>.
/// </summary>
internal static class ReadmeExamples
{
    public static async Task FromDotNetAsync(IServiceCollection services, OpenTelemetryBuilder telemetry)
    {
        await using var client = KvClient.Connect("kvraft://127.0.0.1:7401,127.0.0.1:7402/default");
        var keyspace = client.TextKeyspace();
        var write = await keyspace.PutAsync("hello", "world");
        var read = await keyspace.GetAsync("hello");
        var swap = await keyspace.PutIfVersionAsync("hello", "again", read.Version);
        var shop = client.Keyspace("shop", KvSerializers.Utf8, KvSerializers.Json(ShopJson.Default.Cart));
        services.AddKeyedKvRaftClient("shop", "kvraft://127.0.0.1:7401/shop");
        telemetry.WithTracing(t => t.AddSource("KvRaft.Client")).WithMetrics(m => m.AddMeter("KvRaft.Client"));
    }

    public static async Task InATestAsync()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient();
        cluster.Partition(await cluster.LeaderOfAsync("key"));
    }

    public static async Task ACartAsync(IKvClient left, IKvClient right)
    {
        var carts = left.Eventual.Keyspace("carts", KvSerializers.Utf8, KvSerializers.Utf8);
        await carts.PutAsync("cart", "milk", KvContext.None);
        await left.Eventual.Set("sets", "cart", KvSerializers.Utf8).AddAsync("milk");

        var rightCarts = right.Eventual.Keyspace("carts", KvSerializers.Utf8, KvSerializers.Utf8);
        await rightCarts.PutAsync("cart", "bread", KvContext.None);
        await right.Eventual.Set("sets", "cart", KvSerializers.Utf8).AddAsync("bread");

        var both = (await carts.GetAsync("cart")).Values;
        await carts.UpdateAsync("cart", values => string.Join('+', values.Order()));
        var merged = await left.Eventual.Set("sets", "cart", KvSerializers.Utf8).GetAsync();
    }
}
