using System.Text;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// A node is started with a copy of its directory that lacks the entries it acknowledged since, while another follower is down: with the leader it would be a majority
/// that has lost acknowledged writes. It is refused, and starts again with its last directory.
/// </summary>
public sealed class RolledBackDirectoryTests
{
    [Trait("Category", "Long")]
    [Fact]
    public async Task A_node_with_an_older_copy_of_its_directory_is_refused_and_its_last_one_is_accepted()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2);
        await using var client = cluster.Client();
        var keyspace = client.Keyspace();
        await keyspace.PutAsync("first"u8.ToArray(), "1"u8.ToArray());
        var node = cluster.Nodes[0];
        var (data, older, last) = (cluster.DataDirectory(node), cluster.DataDirectory(node) + ".older", cluster.DataDirectory(node) + ".last");
        await cluster.StopAsync(node);
        Copy(data, older);
        cluster.Start(node);
        await cluster.ServesAsync(node);

        var away = cluster.Nodes[1];
        await cluster.StopAsync(away);
        for (var number = 0; number < 50; number++)
        {
            await keyspace.PutAsync(Encoding.UTF8.GetBytes($"key-{number}"), "2"u8.ToArray());
        }

        cluster.Kill(node);
        Directory.Move(data, last);
        Directory.Move(older, data);
        cluster.Start(node);
        var (code, log) = await cluster.WhenEndedByItselfAsync(node).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.NotEqual(0, code);
        Assert.Contains("this data directory is an older copy", log, StringComparison.Ordinal);

        Directory.Move(data, older);
        Directory.Move(last, data);
        cluster.Start(node);
        cluster.Start(away);
        await cluster.AllLedAsync();
        for (var number = 0; number < 50; number++)
        {
            Assert.True((await keyspace.GetAsync(Encoding.UTF8.GetBytes($"key-{number}"))).Found);
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
        {
            Directory.CreateDirectory(to + directory[from.Length..]);
        }

        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, to + file[from.Length..]);
        }
    }
}
