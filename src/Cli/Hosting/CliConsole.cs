using System.Text;

namespace KvRaft.Cli;

/// <summary>The environment of kvctl: its streams and its clock, which tests replace.</summary>
internal sealed class CliConsole
{
    /// <summary>Without a byte-order mark: the output must equal the stored bytes.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly Stream? _input;

    /// <param name="input">Null: commands cannot read standard input.</param>
    /// <param name="output">Receives data.</param>
    /// <param name="error">Receives everything else.</param>
    public CliConsole(Stream? input, Stream output, TextWriter error)
    {
        _input = input;
        OutputBytes = output;
        Out = new StreamWriter(output, Utf8, bufferSize: 16 * 1024, leaveOpen: true) { NewLine = "\n" };
        Error = error;
    }

    /// <exception cref="UsageException">Standard input is already used for the commands.</exception>
    public Stream Input => _input ?? throw new UsageException("'-' is standard input, which already contains the commands; name a file.");

    /// <summary>The same console for a command that was itself read from standard input.</summary>
    public CliConsole WithoutInput() => new(null, OutputBytes, Error)
    {
        OutIsTerminal = OutIsTerminal,
        ErrorIsTerminal = ErrorIsTerminal,
        Variable = Variable,
        Time = Time,
    };

    /// <summary>The byte stream under <see cref="Out"/>; flush <see cref="Out"/> before writing to it.</summary>
    public Stream OutputBytes { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    /// <summary>Input and output are a terminal: keys arrive one by one, and output is visible at once.</summary>
    public bool IsInteractive { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    public Func<string, string?> Variable { get; init; } = static _ => null;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public static CliConsole OfProcess() => new(Console.OpenStandardInput(), Console.OpenStandardOutput(), Console.Error)
    {
        IsInteractive = !Console.IsInputRedirected && !Console.IsOutputRedirected,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Variable = Environment.GetEnvironmentVariable,
    };

    /// <summary>Writes the bytes unchanged.</summary>
    public async Task WriteBytesAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await Out.FlushAsync(cancellationToken);
        await OutputBytes.WriteAsync(bytes, cancellationToken);
    }

    public async Task<byte[]> ReadInputAsync(CancellationToken cancellationToken)
    {
        using var memory = new MemoryStream();
        await Input.CopyToAsync(memory, cancellationToken);
        return memory.ToArray();
    }
}
