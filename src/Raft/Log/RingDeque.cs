namespace KvRaft.Raft.Log;

/// <summary>A queue with two ends and an index, in one array that grows by doubling and shrinks when it is mostly empty.</summary>
internal sealed class RingDeque<T>
{
    private const int CapacityMin = 8;

    private T[] _items = [];
    private int _head;

    public int Count { get; private set; }

    public ref T this[int position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)position, (uint)Count);
            return ref _items[Slot(position)];
        }
    }

    public void AddLast(T item)
    {
        if (Count == _items.Length)
        {
            Resize(Math.Max(CapacityMin, _items.Length * 2));
        }

        _items[Slot(Count)] = item;
        Count++;
    }

    public void RemoveFirst(int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Count);
        for (var i = 0; i < count; i++)
        {
            _items[Slot(i)] = default!;
        }

        _head = Count == count ? 0 : Slot(count);
        Count -= count;
        ShrinkIfSparse();
    }

    public void RemoveLast(int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Count);
        for (var i = Count - count; i < Count; i++)
        {
            _items[Slot(i)] = default!;
        }

        Count -= count;
        ShrinkIfSparse();
    }

    public void Clear()
    {
        _items = [];
        _head = 0;
        Count = 0;
    }

    // Capacities are powers of two, so the modulus is a mask.
    private int Slot(int position) => (_head + position) & (_items.Length - 1);

    private void ShrinkIfSparse()
    {
        // A quarter, not a half, so that a size that varies around a power of two does not copy each time.
        if (_items.Length > CapacityMin && Count <= _items.Length / 4)
        {
            Resize(_items.Length / 2);
        }
    }

    private void Resize(int capacity)
    {
        var items = new T[capacity];
        for (var i = 0; i < Count; i++)
        {
            items[i] = _items[Slot(i)];
        }

        _items = items;
        _head = 0;
    }
}
