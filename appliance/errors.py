# SPDX-License-Identifier: Apache-2.0
"""Every error that a person may see: one sentence that says what and where, and a hint that says what to do.

Only the front ends catch these, and only `cli` turns them into an exit code (`exit_code` below, listed in the README).
"""

from collections.abc import Sequence

from appliance.model.problem import Problem


class ApplianceError(Exception):
    """`message` is one sentence without a full stop; `hint` is what to do about it, or ""."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class Problems(ApplianceError):
    """Several things are wrong with a document or a wish; all of them are here."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class SpecError(Problems):
    """The document itself is wrong: not YAML, unknown keys, values of the wrong form."""

    exit_code = 3


class Unsatisfiable(Problems):
    """The document is well formed, and this machine cannot give what it asks for."""

    exit_code = 4


class CommandError(ApplianceError):
    """A command that we ran ended badly; its last words are in the message."""

    exit_code = 5

    def __init__(self, argv: Sequence[str], code: int, stderr: str) -> None:
        self.argv, self.code, self.stderr = tuple(argv), code, stderr
        last = stderr.strip().splitlines()[-1] if stderr.strip() else "it printed no reason"
        super().__init__(f"`{' '.join(argv)}` ended with {code}: {last}")


class MissingProgram(ApplianceError):
    """A program that we call is not in this image."""

    exit_code = 5


class StalePlan(ApplianceError):
    """The machine is not what it was when the plan was made and agreed to."""

    exit_code = 6


class StepFailed(ApplianceError):
    """A step was carried out and is not in effect, or could not be carried out."""

    exit_code = 5


class Refused(ApplianceError):
    """A credential is not good, or says nothing here."""

    exit_code = 4


class Unknown(Refused):
    """Nobody knows who asks."""


class Absent(ApplianceError):
    """What was asked for is not there."""


class AnswerError(ApplianceError):
    """An answer file could not be had: no volume, no server, a wrong certificate."""

    exit_code = 7
