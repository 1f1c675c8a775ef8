using System.Text.Json.Serialization;
using KvRaft.Client;
using KvRaft.V1;

// The client as a native program, without a JIT and trimmed. Arguments: the endpoints. Prints "ok NAME" or "FAILED NAME: why".
await using var client = KvClient.Connect($"kvraft://{string.Join(',', args)}/default?timeout=30s");
var text = client.TextKeyspace();
var carts = client.Keyspace("default", KvSerializers.Utf8, KvSerializers.Json(CartContext.Default.Cart));
var run = $"aot/{Guid.NewGuid():N}";
var failed = false;

await CheckAsync("put_and_get", async () =>
{
    var put = await text.PutAsync($"{run}/a", "1");
    var get = await text.GetAsync($"{run}/a");
    return get.Value == "1" && get.Version == put.Version;
});
await CheckAsync("json_by_a_generated_context", async () =>
{
    await carts.PutAsync($"{run}/cart", new Cart("pear", 3));
    return (await carts.GetAsync($"{run}/cart")).Value == new Cart("pear", 3);
});
await CheckAsync("increment_and_touch", async () =>
    (await text.IncrementAsync($"{run}/n", 5)).Value == 5 && (await text.TouchAsync($"{run}/n", KvExpiry.After(TimeSpan.FromHours(1)))).Applied);
await CheckAsync("batches", async () =>
{
    await text.MultiSetAsync(Enumerable.Range(0, 20).Select(i => new KvMultiSetItem<string, string> { Key = $"{run}/m{i:d2}", Value = $"{i}" }));
    var read = await text.MultiGetAsync(Enumerable.Range(0, 20).Select(i => $"{run}/m{i:d2}"));
    return read.All(static item => item.Error is null && item.Result.Found);
});
await CheckAsync("an_ordered_scan", async () =>
{
    var keys = new List<string>();
    await foreach (var pair in text.ScanAsync(new KvScanOptions { Prefix = System.Text.Encoding.UTF8.GetBytes($"{run}/m"), Ordered = true }))
    {
        keys.Add(pair.Key);
    }

    return keys.SequenceEqual(Enumerable.Range(0, 20).Select(i => $"{run}/m{i:d2}"));
});
await CheckAsync("a_transaction", async () =>
{
    var transaction = text.Transaction().When($"{run}/a", KvCondition.Present);
    transaction.Then.Get($"{run}/a");
    return (await transaction.CommitAsync()).Items[0].Entry?.Value == "1";
});
await CheckAsync("a_typed_error", async () =>
{
    try
    {
        await client.TextKeyspace("nobody").GetAsync("x");
        return false;
    }
    catch (KvException error)
    {
        return error.Reason == ErrorReasons.KeyspaceNotFound && !error.IsTransient;
    }
});
return failed ? 1 : 0;

async Task CheckAsync(string name, Func<Task<bool>> check)
{
    try
    {
        var held = await check();
        failed |= !held;
        Console.WriteLine(held ? $"ok {name}" : $"FAILED {name}");
    }
    catch (Exception error)
    {
        failed = true;
        Console.WriteLine($"FAILED {name}: {error.GetType().Name} {error.Message.ReplaceLineEndings(" ")}");
    }
}

internal sealed record Cart(string Item, int Count);

[JsonSerializable(typeof(Cart))]
internal sealed partial class CartContext : JsonSerializerContext;
