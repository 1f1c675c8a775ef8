using System.Text;

namespace KvRaft.Cli.Tests;

/// <summary>Runs kvctl in this process and captures its output.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "Its streams are memory.")]
internal sealed class TestConsole
{
    private readonly MemoryStream _output = new();
    private readonly StringWriter _error = new();
    private readonly CliConsole _console;

    public TestConsole(string input = "", Dictionary<string, string>? variables = null) =>
        _console = new CliConsole(new MemoryStream(Encoding.UTF8.GetBytes(input)), _output, TextWriter.Synchronized(_error))
        {
            Variable = name => variables?.GetValueOrDefault(name),
        };

    public string Out => Encoding.UTF8.GetString(_output.ToArray());

    public string Error => _error.ToString();

    public Task<int> RunAsync(params string[] args) => Kvctl.RunAsync(args, _console);

    public static async Task<(int Code, string Out, string Error)> RunOnceAsync(params string[] args)
    {
        var console = new TestConsole();
        var code = await console.RunAsync(args);
        return (code, console.Out, console.Error);
    }
}
