"""Types at psql's prompt, on a terminal, and prints what the terminal shows: each argument is one line whose end is asked for by tabs."""

import os
import pty
import sys

READY = b"<ready>"


def until(terminal: int, end: bytes) -> bytes:
    seen = b""
    while not seen.endswith(end):
        seen += os.read(terminal, 4096)
    return seen


child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM="dumb", PAGER="", INPUTRC="/dev/null", HISTFILE="/dev/null", COLUMNS="200", LINES="1000")
    prompt = READY.decode()
    os.execlp("psql", "psql", "-X", "-q", "-v", f"PROMPT1={prompt}", "-v", f"PROMPT2={prompt}")
until(terminal, READY)
for n, line in enumerate(sys.argv[1:]):
    # Ctrl-U takes away what was typed and completed; the echo says that psql has dealt with it.
    os.write(terminal, line.encode() + b"\t\t\x15\\echo done" + b"\n")
    sys.stdout.buffer.write(f"{line}\n".encode() + until(terminal, b"\ndone\r\n" + READY) + b"\n")
os.write(terminal, b"\\q\n")
os.waitpid(child, 0)
