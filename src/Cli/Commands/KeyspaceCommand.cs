using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl keyspace list|create|alter|show|drop</c>.</summary>
internal static class KeyspaceCommand
{
    public static Command Create(Shell shell) => new("keyspace", "Keyspaces: named sets of keys with a consistency mode.")
    {
        List(shell),
        Show(shell),
        CreateOne(shell),
        Alter(shell),
        Drop(shell),
    };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the keyspaces.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var answer = await client.Administration.Calls.ListKeyspacesAsync(run.Cancellation);
            Listed(answer.Keyspaces).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Show(Shell shell)
    {
        var name = Name();
        var command = new Command("show", "Show one keyspace.") { name };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var keyspace = await client.Administration.Calls.GetKeyspaceAsync(run.Parsed.GetRequiredValue(name), run.Cancellation);
            Listed([keyspace]).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command CreateOne(Shell shell)
    {
        var name = Name();
        var tag = new Option<bool>("--by-tag")
        {
            Description = "Keys with the same {tag} are kept in one shard and can be changed in one transaction. Cannot be changed later.",
        };
        var ttl = GlobalOptions.Duration("--ttl-default", "The time to live of values that have none of their own; default: no limit.");
        var ttlMax = GlobalOptions.Duration("--ttl-max", "The maximum time to live; default: no limit.");
        var valueBytesMax = new Option<int>("--value-bytes-max") { Description = "The maximum size of a value; 0: the limit of the nodes." };
        var ifNotExists = new Option<bool>("--if-not-exists") { Description = "Succeed if the same keyspace exists already." };
        var eventual = new EventualArguments();
        var command = new Command("create", "Create a keyspace.") { name, tag, ttl, ttlMax, valueBytesMax, ifNotExists };
        eventual.AddTo(command);
        command.SetAction(shell.Change(async run =>
        {
            var keyspace = new KeyspaceInfo
            {
                Name = run.Parsed.GetRequiredValue(name),
                Mode = eventual.IsEventual(run.Parsed) ? KeyspaceMode.Eventual : KeyspaceMode.Strong,
                Routing = run.Parsed.GetValue(tag) ? RoutingRule.Tag : RoutingRule.WholeKey,
                TtlDefaultMs = (long)(run.Parsed.GetValue(ttl)?.TotalMilliseconds ?? 0),
                TtlMaxMs = (long)(run.Parsed.GetValue(ttlMax)?.TotalMilliseconds ?? 0),
                ValueBytesMax = run.Parsed.GetValue(valueBytesMax),
                Eventual = eventual.Policy(run.Parsed),
            };
            await using var client = run.Connect();
            var made = await client.Administration.Calls.CreateKeyspaceAsync(keyspace, run.Parsed.GetValue(ifNotExists), run.Cancellation);
            Listed([made]).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Alter(Shell shell)
    {
        var name = Name();
        var ttl = DurationOrNone("--ttl-default", "The time to live of values that have none of their own; 0: no limit.");
        var ttlMax = DurationOrNone("--ttl-max", "The maximum time to live; 0: no limit. Existing values keep their expiry.");
        var valueBytesMax = new Option<int?>("--value-bytes-max") { Description = "The maximum size of a value; 0: the limit of the nodes." };
        var command = new Command("alter", "Change the properties of a keyspace; options that are not given keep their values.") { name, ttl, ttlMax, valueBytesMax };
        var eventual = new EventualArguments();
        eventual.AddToAlter(command);
        command.SetAction(shell.Change(async run =>
        {
            var (life, longest, bytes) = (run.Parsed.GetValue(ttl), run.Parsed.GetValue(ttlMax), run.Parsed.GetValue(valueBytesMax));
            var change = eventual.Change(run.Parsed);
            var limits = life is not null || longest is not null || bytes is not null;
            if (!limits && change is null)
            {
                throw new UsageException("Give at least one property to change: --ttl-default, --ttl-max, --value-bytes-max; of an eventual keyspace also --n, --r, --w, --strict, --conflict, --durability.");
            }

            await using var client = run.Connect();
            var keyspace = run.Parsed.GetRequiredValue(name);
            var altered = limits ? await client.Administration.Calls.AlterKeyspaceAsync(keyspace, life, bytes, longest, run.Cancellation) : null;
            altered = change is null ? altered! : await client.Administration.Calls.AlterKeyspaceAsync(keyspace, change, run.Cancellation);
            Listed([altered]).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Option<TimeSpan?> DurationOrNone(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => result.Tokens is [{ Value: "0" }] ? TimeSpan.Zero : GlobalOptions.ParseDuration(result),
    };

    private static Command Drop(Shell shell)
    {
        var name = Name();
        var yes = new Option<bool>("--yes", "-y") { Description = "Confirm that all its keys are deleted." };
        var command = new Command("drop", "Drop a keyspace with all its keys.") { name, yes };
        command.SetAction(shell.Change(async run =>
        {
            var doomed = run.Parsed.GetRequiredValue(name);
            if (!run.Parsed.GetValue(yes))
            {
                throw new UsageException($"Dropping '{doomed}' deletes all its keys; confirm with --yes.");
            }

            await using var client = run.Connect();
            await client.Administration.Calls.DropKeyspaceAsync(doomed, run.Cancellation);
            await run.Console.Error.WriteLineAsync($"dropped {doomed}");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Argument<string> Name() => new("name") { Description = "The name of the keyspace." };

    private static Listing Listed(IEnumerable<KeyspaceInfo> keyspaces)
    {
        var listing = new Listing("name", "id", "mode", "routing", "ttl_default_ms", "value_bytes_max", "ttl_max_ms", "quorum", "conflict", "durability");
        foreach (var keyspace in keyspaces)
        {
            listing.Add(
                keyspace.Name,
                keyspace.Id,
                keyspace.Mode == KeyspaceMode.Eventual ? "eventual" : "strong",
                keyspace.Routing == RoutingRule.Tag ? "tag" : "whole-key",
                keyspace.TtlDefaultMs,
                keyspace.ValueBytesMax,
                keyspace.TtlMaxMs,
                EventualArguments.Quorum(keyspace.Eventual),
                EventualArguments.Conflict(keyspace.Eventual),
                EventualArguments.Durability(keyspace.Eventual));
        }

        return listing;
    }
}
