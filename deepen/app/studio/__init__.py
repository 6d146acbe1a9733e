"""The Studio: the browser window of deepen. `deepen studio` starts it."""
from typing import Any

from deepen.app import terminal
from deepen.core.recipe import Field, convert
from deepen.core.words import Problem, language

PORT = 8571
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def studio(asked: Any) -> int:
    """`deepen studio`: serve until Ctrl-C or SIGTERM."""
    port = convert(Field("port", int, PORT, False), asked.text("port") or str(PORT), "--port")
    if not 0 <= port < 65536:
        raise Problem("--port={port} is no port; give a number from 1 to 65535, or 0 for any that is free", port=port)
    host, lesson = asked.text("host"), bool(asked.options.get("class"))
    if host and host not in LOOPBACK and not lesson:
        raise Problem("--host {host} opens the Studio to the network; that is for a class: deepen studio --class --host {host}",
                      host=host)
    from deepen.app.studio.server import serve
    return serve(host or ("0.0.0.0" if lesson else "127.0.0.1"), port, lesson, not asked.options.get("no-browser"),
                 asked.text("runs") or "runs", language(), terminal.screen(False), asked.json)
