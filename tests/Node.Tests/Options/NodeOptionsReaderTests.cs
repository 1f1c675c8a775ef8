using System.Collections;
using System.Text;
using KvRaft.Node.Options;
using KvRaft.Topology;
using Microsoft.Extensions.Configuration;

namespace KvRaft.Node.Tests.Options;

public sealed class NodeOptionsReaderTests
{
    private const string Three = """
        {
          "clusterName": "test", "nodeId": "n2", "dataDirectory": "/var/lib/kvraft",
          "nodes": [
            { "id": "n1", "raft": "10.0.0.1:7500", "public": "10.0.0.1:7400", "zone": "a" },
            { "id": "n2", "raft": "10.0.0.2:7500", "public": "10.0.0.2:7400", "zone": "b", "weight": 2.5 },
            { "id": "n3", "raft": "[::1]:7500", "public": "db3.example:7400" }
          ]
        }
        """;

    [Fact]
    public void Reads_a_complete_file()
    {
        var options = Read(Three);

        Assert.Equal(new NodeId("n2"), options.NodeId);
        Assert.Equal("10.0.0.2:7400", options.PublicListen.ToString());
        Assert.Equal("10.0.0.2:7500", options.RaftListen.ToString());
        Assert.Null(options.HttpListen);
        Assert.Equal(2.5, options.Self.Weight);
        Assert.Equal("b", options.Self.Zone);
        Assert.Equal("[::1]:7500", options.Nodes[2].Raft.ToString());
        Assert.Equal(3, options.ReplicationFactor);
        Assert.Equal(NodeOptions.ShardCountDefault, options.ShardCount);
    }

    [Fact]
    public void The_endpoint_of_JSON_and_its_hosts_are_read()
    {
        Assert.Equal("127.0.0.1:7410", Read(Three, flags: [new("httpListen", "127.0.0.1:7410")]).HttpListen!.ToString());
        Assert.Empty(Read(Three).AllowedHosts);
        Assert.Equal(["proxy.example", "kv.internal"], Read(Three, flags: [new("allowedHosts", "proxy.example, kv.internal")]).AllowedHosts);
    }

    [Theory]
    [InlineData("NaN"), InlineData("Infinity"), InlineData("1e300"), InlineData("-1e300"), InlineData("soon")]
    public void A_malformed_duration_is_reported_with_its_setting(string text)
    {
        var mistake = Assert.Single(Mistakes(Three, [new("timings:stopGraceMs", text)]));

        Assert.Contains("stopGraceMs", mistake.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("a\u200b")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123")]
    public void A_zone_that_the_cluster_would_refuse_is_a_mistake_of_the_setting(string zone)
    {
        var mistake = Assert.Single(Mistakes(Three, [new("nodes:0:zone", zone)]));

        Assert.Contains("nodes[0].zone", mistake.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_with_the_same_cluster_name_have_the_same_cluster_id()
    {
        var first = Read(Three, flags: [new("nodeId", "n1")]);
        var second = Read(Three, flags: [new("nodeId", "n3")]);
        var other = Read(Three, flags: [new("clusterName", "other")]);

        Assert.Equal(first.ClusterId, second.ClusterId);
        Assert.NotEqual(first.ClusterId, other.ClusterId);
        Assert.Equal(8, first.ClusterId.Version);
    }

    [Fact]
    public void A_flag_wins_over_the_environment_and_that_over_the_file()
    {
        var environment = new Hashtable
        {
            ["KVRAFT_DATA_DIRECTORY"] = "/from/environment",
            ["KVRAFT_LIMITS__VALUE_BYTES_MAX"] = "1000",
            ["KVRAFT_NODE_ID"] = "n3",
            ["KVRAFT_SOMETHING_ELSE"] = "of another program",
        };

        var options = Read(Three, environment, [new("nodeId", "n1")]);

        Assert.Equal("/from/environment", options.DataDirectory);
        Assert.Equal(1000, options.Limits.ValueBytesMax);
        Assert.Equal(new NodeId("n1"), options.NodeId);
    }

    [Fact]
    public void Five_mistakes_are_all_reported_each_with_field_value_and_what_is_allowed()
    {
        var mistakes = Mistakes("""
            {
              "clusterName": "test", "nodeId": "N2", "dataDirectory": "/d", "shardCount": 100,
              "replicationFactor": 5, "limits": { "keyBytesMax": "many" },
              "nodes": [
                { "id": "n1", "raft": "10.0.0.1", "public": "10.0.0.1:7400" },
                { "id": "n2", "raft": "10.0.0.2:7500", "public": "10.0.0.2:7400" }
              ]
            }
            """);

        Assert.Equal(
            ["limits.keyBytesMax", "nodeId", "nodes[0].raft", "replicationFactor", "shardCount"],
            mistakes.Select(mistake => mistake.Field).Order(StringComparer.Ordinal));
        Assert.Equal("nodeId: 'N2' is not allowed; 1 to 63 lower-case letters, digits and inner hyphens",
            mistakes.Single(mistake => mistake.Field == "nodeId").ToString());
        Assert.Equal("shardCount: '100' is not allowed; a power of two from 1 to 4096",
            mistakes.Single(mistake => mistake.Field == "shardCount").ToString());
        Assert.Equal("nodes[0].raft: '10.0.0.1' is not allowed; host:port, such as 10.0.0.1:7400",
            mistakes.Single(mistake => mistake.Field == "nodes[0].raft").ToString());
    }

    [Fact]
    public void An_empty_configuration_names_everything_that_is_missing()
    {
        var mistakes = Mistakes("{}");

        Assert.Equal(
            ["clusterName", "dataDirectory", "nodeId", "nodes"],
            mistakes.Select(mistake => mistake.Field).Order(StringComparer.Ordinal));
        Assert.All(mistakes, mistake => Assert.Contains("missing", mistake.ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("\"shardCuont\": 8", "shardCuont")]
    [InlineData("\"limits\": { \"keyBytes\": 8 }", "limits.keyBytes")]
    [InlineData("\"log\": { \"segmentBytes\": 1000 }", "log.segmentBytes")]
    [InlineData("\"log\": { \"bytesMax\": 1048576 }", "log.bytesMax")]
    [InlineData("\"timings\": { \"electionTimeoutMinMs\": 50 }", "timings.electionTimeoutMinMs")]
    [InlineData("\"timings\": { \"electionTimeoutMaxMs\": 1001 }", "timings.electionTimeoutMaxMs")]
    [InlineData("\"limits\": { \"messageBytesMax\": 100000 }", "limits.messageBytesMax")]
    [InlineData("\"publicListen\": \"db2.example:7400\"", "publicListen")]
    [InlineData("\"publicListen\": \"0.0.0.0:7500\"", "raftListen")]
    [InlineData("\"httpListen\": \"db2.example:7410\"", "httpListen")]
    [InlineData("\"allowedHosts\": \"proxy.example:443\"", "allowedHosts")]
    [InlineData("\"allowedHosts\": \"proxy.example, http://x\"", "allowedHosts")]
    [InlineData("\"allowedHosts\": \" , \"", "allowedHosts")]
    [InlineData("\"httpListen\": \"here\"", "httpListen")]
    [InlineData("\"httpListen\": \"127.0.0.1:7400\"", "httpListen")]
    [InlineData("\"httpListen\": \"127.0.0.1:7500\"", "httpListen")]
    [InlineData("\"limits\": { \"requestsInHandMax\": 0 }", "limits.requestsInHandMax")]
    [InlineData("\"limits\": { \"bytesInHandMax\": 1000 }", "limits.bytesInHandMax")]
    [InlineData("\"limits\": { \"answerBytesInHandMax\": 1000 }", "limits.answerBytesInHandMax")]
    [InlineData("\"limits\": { \"answerStallMs\": 1 }", "limits.answerStallMs")]
    [InlineData("\"clusterId\": \"7\"", "clusterId")]
    public void A_single_error_is_found(string setting, string field)
    {
        var mistakes = Mistakes(Three.Replace("\"clusterName\": \"test\"", "\"clusterName\": \"test\", " + setting, StringComparison.Ordinal));

        Assert.Contains(field, mistakes.Select(mistake => mistake.Field));
    }

    [Fact]
    public void Nodes_must_differ_in_id_and_addresses_and_this_one_be_among_them()
    {
        var mistakes = Mistakes("""
            {
              "clusterName": "test", "nodeId": "n9", "dataDirectory": "/d", "publicListen": "0.0.0.0:1", "raftListen": "0.0.0.0:2",
              "nodes": [
                { "id": "n1", "raft": "10.0.0.1:7500", "public": "10.0.0.1:7400" },
                { "id": "n1", "raft": "10.0.0.1:7500", "public": "10.0.0.2:7400", "weight": 0 }
              ]
            }
            """);

        Assert.Equal(
            ["nodeId", "nodes[1].id", "nodes[1].raft", "nodes[1].weight"],
            mistakes.Select(mistake => mistake.Field).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void More_than_seven_initial_nodes_are_refused()
    {
        var nodes = string.Join(",", Enumerable.Range(1, 8).Select(i =>
            $$"""{ "id": "n{{i}}", "raft": "10.0.0.{{i}}:7500", "public": "10.0.0.{{i}}:7400" }"""));

        var mistake = Assert.Single(Mistakes(
            $$"""{ "clusterName": "test", "nodeId": "n2", "dataDirectory": "/d", "nodes": [{{nodes}}] }"""));

        Assert.Equal("nodes: '8' is not allowed; 1 to 7 nodes", mistake.ToString());
    }

    [Fact]
    public void Every_setting_name_is_read()
    {
        // A name that no reader uses would be accepted without effect: each gets an invalid value, and each must be reported.
        var nonsense = SettingNames.All
            .Where(name => name is not ("clusterName" or "dataDirectory" or "clusterSecretFile"))
            .Select(name => new KeyValuePair<string, string?>(name, "!")).ToArray();

        var mistakes = Mistakes(Three, nonsense);

        Assert.Superset(
            nonsense.Select(pair => pair.Key.Replace(':', '.')).ToHashSet(StringComparer.Ordinal),
            mistakes.Select(mistake => mistake.Field).ToHashSet(StringComparer.Ordinal));
    }

    private static IReadOnlyList<OptionMistake> Mistakes(string json, IEnumerable<KeyValuePair<string, string?>>? flags = null) =>
        Assert.Throws<InvalidOptionsException>(() => Read(json, flags: flags)).Mistakes;

    private static NodeOptions Read(
        string json, IDictionary? environment = null, IEnumerable<KeyValuePair<string, string?>>? flags = null)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, json, Encoding.UTF8);
            return NodeOptionsReader.Read(SettingSources.Merge(file, environment ?? new Hashtable(), flags ?? []));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A setting that is read and not known would be refused whenever it is given.</summary>
    [Fact]
    public void Every_setting_that_is_read_is_known()
    {
        var read = new ReadPaths(new ConfigurationBuilder().AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(Three))).Build());

        NodeOptionsReader.Read(read);

        Assert.Contains("limits:callsInProgressMax", read.Paths);
        Assert.DoesNotContain(read.Paths, static path => !SettingNames.IsKnown(path));
        Assert.Empty(SettingNames.All.Except(read.Paths, StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Remembers the names of the values that are read.</summary>
    private sealed class ReadPaths(IConfiguration source) : IConfiguration
    {
        public HashSet<string> Paths { get; } = new(StringComparer.OrdinalIgnoreCase);

        public string? this[string key]
        {
            get
            {
                Paths.Add(key);
                return source[key];
            }

            set => source[key] = value;
        }

        public IEnumerable<IConfigurationSection> GetChildren() => source.GetChildren();

        public Microsoft.Extensions.Primitives.IChangeToken GetReloadToken() => source.GetReloadToken();

        public IConfigurationSection GetSection(string key) => source.GetSection(key);
    }
}
