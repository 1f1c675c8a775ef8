using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using KvRaft.Raft.Log;
using KvRaft.Topology;
using Microsoft.AspNetCore.Connections;

namespace KvRaft.Raft.Transport;

/// <summary>
/// The identity of a replica in Raft: <c>kvraft://node/g/17/r/3</c>, that is node, group, incarnation. It is a name, not
/// an address, so a node may move to another address. A wiped replica is opened again under a new incarnation as a new voter,
/// never as the old voter without its votes.
/// </summary>
internal static class ReplicaEndPoint
{
    private const string Scheme = "kvraft";

    public static UriEndPoint Create(NodeId node, ReplicaKey key) =>
        new(new Uri(string.Create(CultureInfo.InvariantCulture, $"{Scheme}://{node}/g/{key.Group.Value}/r/{key.Incarnation}")));

    public static bool TryParse(EndPoint? endPoint, out NodeId node, out ReplicaKey key)
    {
        node = default;
        key = default;
        return endPoint is UriEndPoint uri && TryParse(uri.Uri, out node, out key);
    }

    public static bool TryParse(string text, out NodeId node, out ReplicaKey key)
    {
        node = default;
        key = default;
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && TryParse(uri, out node, out key);
    }

    private static bool TryParse(Uri uri, out NodeId node, out ReplicaKey key)
    {
        node = default;
        key = default;
        if (uri.Scheme != Scheme || !NodeId.IsValid(uri.Host)
            || uri.AbsolutePath.Split('/') is not ["", "g", var group, "r", var incarnation]
            || !int.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out var groupNumber)
            || !int.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var incarnationNumber))
        {
            return false;
        }

        node = new NodeId(uri.Host);
        key = new ReplicaKey(new GroupId(groupNumber), incarnationNumber);
        return true;
    }
}

/// <summary>
/// Value equality for <see cref="UriEndPoint"/>, which has none of its own. DotNext compares end points in two places (the
/// transport and the member list); both get this comparer. Without it, the removal of a member would silently do nothing.
/// </summary>
internal sealed class ReplicaEndPointComparer : IEqualityComparer<EndPoint>
{
    public static readonly ReplicaEndPointComparer Instance = new();

    private ReplicaEndPointComparer()
    {
    }

    public bool Equals(EndPoint? x, EndPoint? y) =>
        ReferenceEquals(x, y)
        || (x is UriEndPoint left && y is UriEndPoint right
            ? string.Equals(left.Uri.AbsoluteUri, right.Uri.AbsoluteUri, StringComparison.Ordinal)
            : x is not null && x.Equals(y));

    public int GetHashCode([DisallowNull] EndPoint obj) =>
        obj is UriEndPoint uri ? uri.Uri.AbsoluteUri.GetHashCode(StringComparison.Ordinal) : obj.GetHashCode();
}
