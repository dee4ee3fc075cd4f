# SPDX-License-Identifier: Apache-2.0
"""A document that a person names on the command line."""

import sys
from pathlib import Path

from appliance.errors import ApplianceError, SpecError
from appliance.model.problem import Problem


def read_spec(name: str) -> str:
    """The text of a file, or of standard input for "-"."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise ApplianceError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError([Problem(where=name, message="is not UTF-8 text", hint="save it as plain UTF-8")]) from None
