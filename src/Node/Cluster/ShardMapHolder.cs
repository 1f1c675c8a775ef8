namespace KvRaft.Node.Cluster;

/// <summary>
/// The routing view in force on this node. One writer (the follower of group 0) swaps it as a whole; readers take it once per request.
/// </summary>
internal sealed class ShardMapHolder
{
    private volatile RoutingView _current = RoutingView.Empty;

    public RoutingView Current => _current;

    /// <summary>Raised after the view was swapped, and when leadership moves; see <see cref="ChangeSignal"/>.</summary>
    public ChangeSignal Changes { get; } = new();

    /// <summary>Installs a newer view; an older one or the same is ignored.</summary>
    public void Take(RoutingView view)
    {
        if (_current.Map is null || view.Epoch.CompareTo(_current.Epoch) > 0)
        {
            _current = view;
            Changes.Raise();
        }
    }
}
