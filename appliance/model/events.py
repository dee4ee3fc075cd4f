# SPDX-License-Identifier: Apache-2.0
"""What apply says while it works: JSON lines, one event each. Front ends draw from these and from nothing else."""

from typing import Annotated, Literal

from pydantic import Field

from appliance.model.base import Model


class Started(Model):
    """A step begins: number `index` (from 1) of `total`."""

    event: Literal["started"] = "started"
    step: str
    title: str
    index: int
    total: int


class Progress(Model):
    """`done` of `total` bytes; `rate` in bytes a second."""

    event: Literal["progress"] = "progress"
    step: str
    done: int
    total: int
    rate: int = 0


class Output(Model):
    """A line that a command printed, or a remark."""

    event: Literal["output"] = "output"
    step: str = ""
    line: str


class Finished(Model):
    """A step is in effect; `skipped` when it was so before."""

    event: Literal["finished"] = "finished"
    step: str
    skipped: bool = False
    seconds: float = 0.0


class Failed(Model):
    """The step, or the whole run, ended here."""

    event: Literal["failed"] = "failed"
    step: str = ""
    message: str
    hint: str = ""
    log: str = ""


Event = Annotated[Started | Progress | Output | Finished | Failed, Field(discriminator="event")]
