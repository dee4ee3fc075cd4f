# SPDX-License-Identifier: Apache-2.0
"""The one way to run a command: an argv list through `sh`, logged so that it can be pasted, its stderr in the error."""

import logging
import os
import shlex
import time
from collections.abc import Callable, Sequence

from appliance.errors import CommandError, MissingProgram
from appliance.host.host import Result

log = logging.getLogger("trivet.command")

# Output is read by programs: no translations, no colour; and mtools refuses honest FAT images over a geometry of 1985.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "NO_COLOR": "1", "MTOOLS_SKIP_CHECK": "1"}
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class LiveRun:
    """Runs commands on this machine. `sh` is imported at the first one: most runs of `trivet` need none."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        begun = time.monotonic()
        result = _run(argv, stdin, on_line)
        said = f": {result.stderr.strip()}" if result.stderr.strip() else ""
        log.debug("ended with %d after %.2f s%s", result.code, time.monotonic() - begun, said)
        if check and result.code != 0:
            raise CommandError(argv, result.code, result.stderr)
        return result


def _run(argv: Sequence[str], stdin: str | None, on_line: Callable[[str], None] | None) -> Result:
    import sh  # noqa: PLC0415 - 70 ms, and most runs of trivet need no command

    log.info("%s", shlex.join(argv))
    environment = {**os.environ, **_ENVIRONMENT}
    environment["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:{_SBIN}"
    out: list[str] = []

    def line(text: str) -> None:
        out.append(text)
        if on_line:
            on_line(text.rstrip("\n"))

    program = _program(argv[0], environment["PATH"])
    try:
        command = sh.Command(program)(
            *argv[1:], _in=stdin or "", _out=line, _env=environment, _tty_out=False, _tty_in=False, _bg=True, _bg_exc=False,
            _decode_errors="replace", _return_cmd=True,
        )  # fmt: skip
        command.wait()
        code = command.exit_code
        stderr = command.stderr
    except sh.ErrorReturnCode as error:  # a signal is a negative code
        code, stderr = error.exit_code, error.stderr
    return Result(code, "".join(out), stderr.decode(errors="replace"))


def _program(name: str, path: str) -> str:
    import shutil  # noqa: PLC0415 - only when a command runs

    found = shutil.which(name, path=path)
    if found is None:
        raise MissingProgram(f"the program {name} is not on this machine", "install the package that has it")
    return found
