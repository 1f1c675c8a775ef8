namespace KvRaft.Cli.Lines;

/// <summary>Reads lines from the terminal of the process, key by key, so that they can be edited and earlier ones called back.</summary>
internal static class TerminalLines
{
    /// <summary>The next line; null at Ctrl-D on an empty one. Ctrl-C drops what was typed.</summary>
    public static string? Read(string prompt, IReadOnlyList<string> history)
    {
        // While a command runs, Ctrl-C is a signal; while a line is typed, it is a key.
        Console.TreatControlCAsInput = true;
        try
        {
            var buffer = new LineBuffer(history);
            Draw(prompt, buffer);
            while (true)
            {
                var key = Console.ReadKey(intercept: true);
                var control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
                if (key.Key == ConsoleKey.Enter)
                {
                    Console.Write("\r\n");
                    return buffer.Text;
                }

                if (key.Key == ConsoleKey.D && control && buffer.Text.Length == 0)
                {
                    Console.Write("\r\n");
                    return null;
                }

                if (key.Key == ConsoleKey.C && control)
                {
                    Console.Write("^C\r\n");
                    buffer = new LineBuffer(history);
                }
                else
                {
                    buffer.Press(key);
                }

                Draw(prompt, buffer);
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    /// <summary>The whole line anew, the rest of the old one erased, the cursor where it belongs.</summary>
    private static void Draw(string prompt, LineBuffer buffer)
    {
        var behind = buffer.Text.Length - buffer.Cursor;
        Console.Write($"\r{prompt}{buffer.Text}\e[K{(behind > 0 ? $"\e[{behind}D" : "")}");
    }
}
