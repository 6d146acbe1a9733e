"""Commands of the lessons, run at the desk; what they print comes back as text."""
import contextlib
import io

from deepen.app import cli
from deepen.core.words import Problem, language


def printed(words: list[str]) -> str:
    """What `deepen WORDS` prints."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = cli.main([*words, "--lang", language()])
    if code:
        raise Problem("{said}", said=told.getvalue().strip().removeprefix("deepen: "))
    return told.getvalue().rstrip()
