"""Types into `kvctl shell` through a pseudo-terminal and reads what the terminal shows.

Usage: terminal.py KVCTL. Prints one line per check: "ok NAME" or "FAILED NAME: why".
"""

import os
import pty
import re
import select
import signal
import sys
import time

# Enough for a process start and an election on a loaded machine; no output for a longer time is a fault.
PATIENCE_S = 60
READ_ONLY = "kvctl> "
WRITING = "kvctl (writing)> "


class Screen:
    def __init__(self, *command):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            # A background job of a script ignores SIGINT; a program on a terminal does not.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(command[0], command)
        self.seen = ""

    def until(self, text):
        """Reads until the text is there and returns everything before it, without control sequences."""
        limit = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
                raise AssertionError("waited for %r, saw %r" % (text, self.seen))
            self.seen += self.read()
        before, _, self.seen = self.seen.partition(text)
        return before

    def read(self):
        try:
            data = os.read(self.terminal, 4096)
        except OSError:  # a terminal reports EIO when the other side has closed it
            data = b""
        if not data:
            raise AssertionError("the program ended; saw %r" % self.seen)
        return re.sub(r"\x1b[\[\]()=>?0-9;]*[a-zA-Z=>]?", "", data.decode(errors="replace"))

    def type(self, text):
        os.write(self.terminal, text.encode())

    def line(self, text, prompt=READ_ONLY):
        """Types a line and returns what came before the next prompt, without the echo of the keys."""
        self.type(text + "\r")
        self.until("\r\n")
        return self.until(prompt)

    def end(self):
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            try:
                if select.select([self.terminal], [], [], 0.1)[0]:
                    os.read(self.terminal, 4096)
            except OSError:
                pass
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("did not end")


KEY = "shell/" + os.urandom(6).hex()


def begins_read_only(screen):
    screen.until(READ_ONLY)
    assert "read-only" in screen.line("put %s 1" % KEY)


def writes_after_writemode_on(screen):
    screen.line("writemode on", WRITING)
    assert re.search(r"\d+", screen.line("put %s 'hello world'" % KEY, WRITING))
    assert "hello world" in screen.line("get %s" % KEY, WRITING)


def an_error_does_not_end_the_shell(screen):
    assert "Try: kvctl --help" in screen.line("fly away", WRITING)
    assert "not closed" in screen.line("get 'a", WRITING)
    assert "no such key" in screen.line("get %s/nothing" % KEY, WRITING)


def the_previous_line_is_recalled(screen):
    screen.line("writemode off", READ_ONLY)
    screen.line("get %s" % KEY)
    assert "hello world" in screen.line("\x1b[A")
    assert "get %s" % KEY in screen.line("history")


def ctrl_c_drops_the_line(screen):
    screen.type("get nonsen\x03")
    screen.until("^C")
    screen.until("\r\n")
    screen.until(READ_ONLY)
    assert "hello world" in screen.line("get %s" % KEY)


def ctrl_c_stops_a_command_and_not_the_shell(screen):
    # No process listens on port 9 of loopback, so this command waits until it is stopped.
    screen.type("get %s --endpoints 127.0.0.1:9 --timeout 5m\r" % KEY)
    screen.until("\r\n")
    limit = time.monotonic() + PATIENCE_S
    # Before the command has begun, Ctrl-C has no effect, so it is sent until the shell prints "interrupted".
    while time.monotonic() < limit and "interrupted" not in screen.seen:
        screen.type("\x03")
        if select.select([screen.terminal], [], [], 1)[0]:
            screen.seen += screen.read()
    screen.until("interrupted")
    screen.type("get %s\r" % KEY)
    screen.until("hello world")
    screen.until(READ_ONLY)


def ctrl_d_ends(screen):
    screen.type("\x04")
    assert screen.end() == 0


SCREEN = Screen(sys.argv[1], "shell")
for check in (begins_read_only, writes_after_writemode_on, an_error_does_not_end_the_shell, the_previous_line_is_recalled,
              ctrl_c_drops_the_line, ctrl_c_stops_a_command_and_not_the_shell, ctrl_d_ends):
    try:
        check(SCREEN)
        print("ok", check.__name__, flush=True)
    except Exception as error:  # each check needs the ones before it, so the first failure ends the run
        print("FAILED %s: %s" % (check.__name__, repr(error).replace("\n", " ")), flush=True)
        os.kill(SCREEN.pid, signal.SIGKILL)
        sys.exit(1)
