using KvRaft.Client.Siblings;
using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>
/// A counter that accepts additions on every side of a partition. An addition with an unknown outcome is not sent again, because it could be counted
/// twice; the exception reports this. Thread-safe.
/// </summary>
public sealed class KvCounter
{
    private readonly EventualCalls<string> _calls;
    private readonly string _key;

    internal KvCounter(EventualCalls<string> calls, string key) => (_calls, _key) = (calls, key);

    /// <returns>The sum after the addition according to the coordinator.</returns>
    /// <exception cref="KvException">Reason OUT_OF_BOUNDS: the sum would not fit into 64 bits.</exception>
    public async ValueTask<long> AddAsync(long delta, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        (await _calls.UpdateAsync(_key, new TypedChange { AddToCounter = delta }, options, cancellationToken).ConfigureAwait(false)).Typed.Counter;

    public async ValueTask<long> GetAsync(KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        (await _calls.GetAsync(_key, options, cancellationToken).ConfigureAwait(false)).Typed?.Counter ?? 0;
}

/// <summary>A set in which an addition survives every removal that had not seen it. Thread-safe.</summary>
public sealed class KvSet<TElement>
{
    private readonly EventualCalls<string> _calls;
    private readonly string _key;
    private readonly IKvSerializer<TElement> _elements;

    internal KvSet(EventualCalls<string> calls, string key, IKvSerializer<TElement> elements) => (_calls, _key, _elements) = (calls, key, elements);

    public ValueTask<IReadOnlyList<TElement>> AddAsync(TElement element, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeAsync([element], [], options, cancellationToken);

    /// <summary>Removes an element, including all additions of it that the coordinator has seen.</summary>
    public ValueTask<IReadOnlyList<TElement>> RemoveAsync(TElement element, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeAsync([], [element], options, cancellationToken);

    /// <summary>Removes elements, then adds elements, in one write.</summary>
    /// <returns>The elements after the write according to the coordinator.</returns>
    public async ValueTask<IReadOnlyList<TElement>> ChangeAsync(
        IEnumerable<TElement> add, IEnumerable<TElement> remove, KvEventualOptions? options = null, CancellationToken cancellationToken = default)
    {
        var change = new SetChange();
        change.Add.AddRange(add.Select(element => WireValues.ToWire(_elements.Serialize(element))));
        change.Remove.AddRange(remove.Select(element => WireValues.ToWire(_elements.Serialize(element))));
        var answer = await _calls.UpdateAsync(_key, new TypedChange { ChangeSet = change }, options, cancellationToken).ConfigureAwait(false);
        return Elements(answer.Typed);
    }

    public async ValueTask<IReadOnlyList<TElement>> GetAsync(KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        Elements((await _calls.GetAsync(_key, options, cancellationToken).ConfigureAwait(false)).Typed);

    private TElement[] Elements(TypedValue? value) => [.. (value?.Set?.Elements ?? []).Select(element => _elements.Deserialize(element.Memory))];
}

/// <summary>One value; the latest write wins. Thread-safe.</summary>
public sealed class KvRegister<TValue>
{
    private readonly EventualCalls<string> _calls;
    private readonly string _key;
    private readonly IKvSerializer<TValue> _values;

    internal KvRegister(EventualCalls<string> calls, string key, IKvSerializer<TValue> values) => (_calls, _key, _values) = (calls, key, values);

    public async ValueTask WriteAsync(TValue value, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        await _calls.UpdateAsync(
            _key, new TypedChange { WriteRegister = WireValues.ToWire(_values.Serialize(value)) }, options, cancellationToken).ConfigureAwait(false);

    /// <summary>False, and the default, before the first write.</summary>
    public async ValueTask<(bool Found, TValue? Value)> GetAsync(KvEventualOptions? options = null, CancellationToken cancellationToken = default)
    {
        var typed = (await _calls.GetAsync(_key, options, cancellationToken).ConfigureAwait(false)).Typed;
        return typed is { HasRegister: true } ? (true, _values.Deserialize(typed.Register.Memory)) : (false, default);
    }
}

/// <summary>
/// Named counters, sets and registers under one key. A name has one permanent type: if two sides of a partition give it different ones, a counter
/// wins over a set and a set over a register. Thread-safe.
/// </summary>
public sealed class KvMap
{
    private readonly EventualCalls<string> _calls;
    private readonly string _key;

    internal KvMap(EventualCalls<string> calls, string key) => (_calls, _key) = (calls, key);

    public ValueTask<KvMapValue> AddToCounterAsync(string field, long delta, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(field, new TypedChange { AddToCounter = delta }, options, cancellationToken);

    public ValueTask<KvMapValue> AddToSetAsync(string field, ReadOnlyMemory<byte> element, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(field, new TypedChange { ChangeSet = new SetChange { Add = { WireValues.ToWire(element) } } }, options, cancellationToken);

    public ValueTask<KvMapValue> RemoveFromSetAsync(string field, ReadOnlyMemory<byte> element, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(field, new TypedChange { ChangeSet = new SetChange { Remove = { WireValues.ToWire(element) } } }, options, cancellationToken);

    public ValueTask<KvMapValue> WriteRegisterAsync(string field, ReadOnlyMemory<byte> value, KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(field, new TypedChange { WriteRegister = WireValues.ToWire(value) }, options, cancellationToken);

    public async ValueTask<KvMapValue> GetAsync(KvEventualOptions? options = null, CancellationToken cancellationToken = default) =>
        KvMapValue.Of((await _calls.GetAsync(_key, options, cancellationToken).ConfigureAwait(false)).Typed);

    private async ValueTask<KvMapValue> ChangeAsync(string field, TypedChange change, KvEventualOptions? options, CancellationToken cancellationToken) =>
        KvMapValue.Of((await _calls.UpdateAsync(_key, field, change, options, cancellationToken).ConfigureAwait(false)).Typed);
}

/// <summary>The fields of a map, by type and name.</summary>
public sealed record KvMapValue(
    IReadOnlyDictionary<string, long> Counters,
    IReadOnlyDictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>> Sets,
    IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Registers)
{
    internal static KvMapValue Of(TypedValue? value)
    {
        var (counters, sets, registers) = (
            new Dictionary<string, long>(), new Dictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>>(), new Dictionary<string, ReadOnlyMemory<byte>>());
        foreach (var field in value?.Map?.Fields ?? [])
        {
            switch (field.Value.KindCase)
            {
                case TypedValue.KindOneofCase.Counter:
                    counters.Add(field.Name, field.Value.Counter);
                    break;
                case TypedValue.KindOneofCase.Set:
                    sets.Add(field.Name, [.. field.Value.Set.Elements.Select(static element => element.Memory)]);
                    break;
                case TypedValue.KindOneofCase.Register:
                    registers.Add(field.Name, field.Value.Register.Memory);
                    break;
                default:
                    // A type of a later version.
                    break;
            }
        }

        return new KvMapValue(counters, sets, registers);
    }
}
