using System.Text;

namespace KvRaft.Cli;

/// <summary>What kvctl touches of the world around it, so that tests can give it another.</summary>
internal sealed class CliConsole
{
    /// <summary>Without a byte-order mark: what is written must be what was stored.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly Stream? _input;

    /// <param name="input">Null: there is none for a verb to read.</param>
    /// <param name="output">Where data goes.</param>
    /// <param name="error">Where everything else goes.</param>
    public CliConsole(Stream? input, Stream output, TextWriter error)
    {
        _input = input;
        OutputBytes = output;
        Out = new StreamWriter(output, Utf8, bufferSize: 16 * 1024, leaveOpen: true) { NewLine = "\n" };
        Error = error;
    }

    /// <exception cref="UsageException">Standard input is where the commands come from.</exception>
    public Stream Input => _input ?? throw new UsageException("'-' is standard input, which has the commands here; name a file.");

    /// <summary>The same console for a verb that was itself read from standard input.</summary>
    public CliConsole WithoutInput() => new(null, OutputBytes, Error)
    {
        OutIsTerminal = OutIsTerminal,
        ErrorIsTerminal = ErrorIsTerminal,
        Variable = Variable,
        Time = Time,
    };

    /// <summary>The bytes beneath <see cref="Out"/>; flush that before writing here.</summary>
    public Stream OutputBytes { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    /// <summary>Both ends of a conversation are there: keys come in one by one, and what is written is seen at once.</summary>
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

    /// <summary>Bytes exactly as they are.</summary>
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
