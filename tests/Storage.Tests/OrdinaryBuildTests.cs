#if !PLANTED_BUGS
using System.Reflection;
using KvRaft.Storage.Commands;

namespace KvRaft.Storage.Tests;

/// <summary>The planted bugs attach with partial methods. Without an implementation the compiler removes the methods and their calls.</summary>
public class OrdinaryBuildTests
{
    [Fact]
    public void An_ordinary_build_has_no_trace_of_planted_bugs()
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var types = typeof(ShardCommand).Assembly.GetTypes();
        Assert.Contains(types, static type => type.Name == "CommandApplier");
        Assert.DoesNotContain(types, static type => type.Name.StartsWith("Planted", StringComparison.Ordinal));
        Assert.DoesNotContain(types.SelectMany(static type => type.GetMethods(All)), static method => method.Name.StartsWith("Plant", StringComparison.Ordinal));
    }
}
#endif
