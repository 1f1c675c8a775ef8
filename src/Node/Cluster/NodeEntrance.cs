using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Security;
using KvRaft.Node.Telemetry;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>
/// The checks before a node opens anything: its data directory is the one that the cluster has recorded under its name, and, if the node joins, the
/// cluster accepts it. Everything is checked before anything changes, on this node or others. If a check fails, the node reports it and the process ends.
/// <para>
/// If a node lost its data directory, it comes with another instance and is refused, because it may have voted and acknowledged entries that it no longer has. It cannot
/// detect that alone, so it queries the other nodes; only if none of them answers, it starts without that check.
/// </para>
/// </summary>
internal sealed class NodeEntrance(NodeOptions options, NodeProof proof, DataDirectory directory, ILogger logger)
{
    /// <summary>For one query. A node that takes longer is not waited for at a start.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>For a cluster that is electing the leader of group 0.</summary>
    private static readonly TimeSpan JoinPatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Clocks stamp expiries and order the writes of eventual keyspaces; machines without time synchronisation soon differ by a second.
    /// </summary>
    internal static readonly TimeSpan ClockOffsetMax = TimeSpan.FromSeconds(1);

    /// <summary>The options to run with, completed from the directory. Claims the directory.</summary>
    /// <exception cref="NodeStartException">The node must not start; the message says why and what to do.</exception>
    public async Task<(NodeOptions Options, MembershipFile Membership)> PassAsync(CancellationToken cancellationToken)
    {
        directory.RefuseForeign();
        var known = MembershipFile.Read(directory.Path);
        var membership = known ?? new MembershipFile(Guid.NewGuid());
        var isNew = !directory.IsClaimed;
        await RefuseIfNotWantedAsync(membership, isNew, cancellationToken);
        if (known is null)
        {
            // Before any other node is called: a second attempt must come from the same instance.
            membership.WriteTo(directory.Path);
        }

        if (options.Join.Count == 0)
        {
            directory.Verify(options);
            return (options, membership);
        }

        if (membership.Joined is null)
        {
            if (!isNew)
            {
                throw new NodeStartException(
                    StartFault.ForeignDirectory, $"{directory.Path} is the data directory of a node that did not join; start it without 'join'");
            }

            RefuseFullDisk();
            membership = membership with { Joined = await JoinAsync(membership.Instance, cancellationToken) };
            membership.WriteTo(directory.Path);
        }

        var joined = options with { ShardCount = membership.Joined.ShardCount, ReplicationFactor = membership.Joined.ReplicationFactor };
        directory.Verify(joined);
        return (joined, membership);
    }

    private async Task RefuseIfNotWantedAsync(MembershipFile membership, bool isNew, CancellationToken cancellationToken)
    {
        if (isNew && options.Join.Count > 0)
        {
            // No node has recorded it; the join decides whether the cluster accepts it.
            return;
        }

        var others = options.Nodes.Where(node => node.Id != options.NodeId)
            .Select(node => options.Surroundings.WayToServices(node.Id, node.Public))
            .Concat((membership.Joined?.Voters ?? []).Select(voter => options.Surroundings.WayToServices(voter.Id, voter.Public)))
            .Concat(options.Join)
            .Distinct();
        var request = new StandingRequest { NodeId = options.NodeId.Value, Instance = membership.Instance.ToString("D") };
        var answers = await Task.WhenAll(others.Select(other => AskAsync(other, async (calls, call) =>
            (await new Nodes.NodesClient(calls).StandingAsync(request, call)).Refusal, cancellationToken)));
        if (answers.FirstOrDefault(static answer => answer is { Length: > 0 }) is { } refusal)
        {
            throw new NodeStartException(StartFault.NotAdmitted, refusal);
        }
    }

    private async Task<T?> AskAsync<T>(
        HostAndPort other, Func<CallInvoker, CallOptions, Task<T>> ask, CancellationToken cancellationToken)
        where T : class
    {
        using var channel = Channel(other);
        try
        {
            return await ask(ProvingInterceptor.Over(channel, proof.Towards(null)), new CallOptions(deadline: DateTime.UtcNow + Patience, cancellationToken: cancellationToken));
        }
        catch (RpcException refused) when (refused.StatusCode == StatusCode.PermissionDenied)
        {
            // If it continued, it would run beside a cluster that does not accept it.
            throw new NodeStartException(StartFault.NotAdmitted, $"the node at {other} does not accept this one as a node of the cluster: {refused.Status.Detail}", refused);
        }
        catch (RpcException)
        {
            // Unreachable, starting like this node, or of a version that does not have the call.
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }

    private async Task<JoinedCluster> JoinAsync(Guid instance, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(JoinPatience);
        var self = options.Self;
        var request = new JoinRequest
        {
            ClusterId = options.ClusterId.ToString(),
            ProtocolVersion = ServerVersion.Protocol,
            NodeId = options.NodeId.Value,
            Instance = instance.ToString("D"),
            Raft = self.Raft.ToString(),
            Public = self.Public.ToString(),
            Zone = self.Zone,
            Weight = self.Weight,
        };
        for (var turn = 0; ; turn++)
        {
            var seed = options.Join[turn % options.Join.Count];
            using var channel = Channel(seed);
            try
            {
                await CheckAsync(seed, channel, limit.Token);
                var answer = await new Nodes.NodesClient(ProvingInterceptor.Over(channel, proof.Towards(null))).JoinAsync(
                    request, deadline: DateTime.UtcNow + JoinPatience, cancellationToken: limit.Token);
                logger.NodeJoined(options.NodeId, seed.ToString(), answer.Epoch);
                return ToCluster(seed, answer);
            }
            catch (RpcException error) when (!IsRefusal(error) && !limit.IsCancellationRequested)
            {
                logger.JoinRetried(options.NodeId, seed.ToString(), error.Status.Detail);
                await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
            }
            catch (RpcException error)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new NodeStartException(StartFault.NotAdmitted, $"the node cannot join the cluster at {seed}: {error.Status.Detail}", error);
            }
            catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
            {
                throw new NodeStartException(
                    StartFault.NotAdmitted, $"none of {string.Join(", ", options.Join)} accepted this node within {JoinPatience.TotalSeconds:0} s", error);
            }
        }
    }

    /// <summary>The checks that the joining node can make itself: the right cluster, a protocol version that both support, and clocks that agree.</summary>
    private async Task CheckAsync(HostAndPort seed, GrpcChannel channel, CancellationToken cancellationToken)
    {
        var time = options.Surroundings.Time;
        var asked = time.GetTimestamp();
        var hello = await new V1.Routing.RoutingClient(channel).HelloAsync(
            new HelloRequest { ClientName = $"node {options.NodeId}", ClientVersion = ServerVersion.Text },
            deadline: DateTime.UtcNow + Patience,
            cancellationToken: cancellationToken);
        var round = time.GetElapsedTime(asked);
        var answered = time.GetUtcNow();
        if (Mistake(options, hello, answered, round) is { } mistake)
        {
            throw new NodeStartException(StartFault.NotAdmitted, $"the node cannot join the cluster at {seed}: {mistake}");
        }
    }

    /// <summary>The reason why the node cannot join a cluster, from its Hello; null if there is none. Pure.</summary>
    /// <param name="options">The options of the joining node.</param>
    /// <param name="hello">The answer of a node of the cluster.</param>
    /// <param name="answered">When its answer arrived, by the clock of the joining node.</param>
    /// <param name="round">The time from request to answer: the reading of the other clock is uncertain by as much.</param>
    internal static string? Mistake(NodeOptions options, HelloResponse hello, DateTimeOffset answered, TimeSpan round)
    {
        if (hello.ClusterId != options.ClusterId.ToString())
        {
            return $"it is cluster {hello.ClusterId}, not {options.ClusterId} ({options.ClusterName})";
        }

        if (hello.ProtocolVersion != ServerVersion.Protocol)
        {
            return $"it has version {hello.ProtocolVersion} of the protocol, this node {ServerVersion.Protocol}";
        }

        // In numbers: another node's clock may show a time outside the range of DateTimeOffset.
        var offsetMs = Math.Abs(hello.ServerTimeMs - (double)(answered - (round / 2)).ToUnixTimeMilliseconds());
        return offsetMs - (round / 2).TotalMilliseconds > ClockOffsetMax.TotalMilliseconds
            ? FormattableString.Invariant($"its clock and this node's are {offsetMs / 1000:0.0} s apart; at most {ClockOffsetMax.TotalSeconds:0} s are allowed")
            : null;
    }

    private static JoinedCluster ToCluster(HostAndPort seed, JoinResponse answer)
    {
        if (answer.HashSeed != KeyHash.Seed)
        {
            throw new NodeStartException(
                StartFault.NotAdmitted, $"the cluster at {seed} places keys by seed {answer.HashSeed:x16}, this software by {KeyHash.Seed:x16}");
        }

        var voters = new List<KnownVoter>();
        foreach (var voter in answer.Voters)
        {
            if (NodeId.IsValid(voter.NodeId) && HostAndPort.TryParse(voter.Raft, out var raft) && HostAndPort.TryParse(voter.Public, out var services))
            {
                voters.Add(new KnownVoter(new NodeId(voter.NodeId), (int)voter.Incarnation, raft, services));
            }
        }

        return voters.Count > 0
            ? new JoinedCluster(answer.ShardCount, answer.ReplicationFactor, voters)
            : throw new NodeStartException(StartFault.NotAdmitted, $"the cluster at {seed} named no voter of group 0");
    }

    private void RefuseFullDisk()
    {
        var free = DiskGuard.FreeBytesOf(options.DataDirectory);
        if (free <= options.Limits.DiskReserveBytes)
        {
            throw new NodeStartException(StartFault.NotAdmitted, FormattableString.Invariant(
                $"{directory.Path} has {free} bytes free, and limits.diskReserveBytes keeps {options.Limits.DiskReserveBytes}: there is no space for a node"));
        }
    }

    private static bool IsRefusal(RpcException error) => error.StatusCode is
        StatusCode.InvalidArgument or StatusCode.FailedPrecondition or StatusCode.AlreadyExists or StatusCode.Unimplemented or StatusCode.PermissionDenied;

    private static GrpcChannel Channel(HostAndPort address) => GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler { ConnectTimeout = Patience, UseProxy = false },
        DisposeHttpClient = true,
    });
}
