namespace KvRaft.Cli.Lines;

/// <summary>Reads lines from the terminal of the process, key by key, with editing and a history.</summary>
internal static class TerminalLines
{
    /// <summary>The next line; null for Ctrl-D on an empty line. Ctrl-C discards the line.</summary>
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

    /// <summary>Redraws the whole line, erases the rest of the old one, and places the cursor.</summary>
    private static void Draw(string prompt, LineBuffer buffer)
    {
        var behind = buffer.Text.Length - buffer.Cursor;
        Console.Write($"\r{prompt}{buffer.Text}\e[K{(behind > 0 ? $"\e[{behind}D" : "")}");
    }
}
