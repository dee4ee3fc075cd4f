# SPDX-License-Identifier: Apache-2.0
"""What the network's engines read, as jinja2 templates beside this file."""

from pathlib import Path

import jinja2

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,
    keep_trailing_newline=True,
)


def render(name: str, **values: object) -> str:
    """The text of a template, `<name>.j2`."""
    return _ENVIRONMENT.get_template(f"{name}.j2").render(values)
