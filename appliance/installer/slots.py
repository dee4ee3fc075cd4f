# SPDX-License-Identifier: Apache-2.0
"""Effects on what is in the partitions: the image in its slot, the state file system, the spec in it."""

from collections.abc import Mapping

from appliance.engine.apply import Handler, Report
from appliance.errors import ApplianceError, StepFailed
from appliance.host import blocks
from appliance.host.host import Host
from appliance.installer.devices import mounted
from appliance.model.answer import REPORT
from appliance.model.document import load_spec
from appliance.model.plan import FormatState, SaveSpec, VerifyImage, WriteSlot
from appliance.model.selector import Chosen
from appliance.model.storage import STATE
from appliance.model.units import format_size
from appliance.services.network.ports import NAME

_PROBE = 2**20
_BAD_IMAGE = "make the medium again from the ISO and compare its checksum; nothing was changed on any disk"


class _VerifyImage:
    """What was read in this process is not read again: a medium may be a BMC's, at 5 MB/s."""

    def __init__(self) -> None:
        self._read: set[str] = set()

    def done(self, step: VerifyImage, host: Host) -> bool:
        return step.id in self._read

    def do(self, step: VerifyImage, host: Host, report: Report) -> None:
        try:
            found = blocks.size(step.image)
            digest = blocks.hash_bytes(step.image, step.size, report.progress) if found >= step.size else ""
        except OSError as error:
            raise StepFailed(f"the image on the medium cannot be read: {error.strerror or error}", _BAD_IMAGE) from None
        if found != step.size:
            message = f"the image on the medium has {format_size(found)} ({found} bytes) and should have {step.size} bytes"
            raise StepFailed(message, _BAD_IMAGE)
        if digest != step.sha256:
            raise StepFailed("the image on the medium is not what was built: its SHA-256 is another", _BAD_IMAGE)
        self._read.add(step.id)


class _WriteSlot:
    def done(self, step: WriteSlot, host: Host) -> bool:
        """The slot's bytes, read from the disk. A look at the first block saves reading a slot that was never written."""
        if host.files.real(step.device) is None or blocks.size(step.device) < step.size:
            return False
        length = min(_PROBE, step.size)
        if blocks.read(step.device, 0, length) != blocks.read(step.image, 0, length):
            return False
        return blocks.hash_bytes(step.device, step.size) == step.sha256

    def do(self, step: WriteSlot, host: Host, report: Report) -> None:
        digest = blocks.copy_hashed(step.image, step.device, step.size, report.progress)
        if digest != step.sha256:
            raise StepFailed("the image on the medium changed while it was copied", "make the medium again from the ISO")
        report.line("written; reading it back")


class _FormatState:
    def done(self, step: FormatState, host: Host) -> bool:
        facts = probe(host, step.device)
        return facts.get("TYPE") == "ext4" and facts.get("UUID") == step.uuid

    def do(self, step: FormatState, host: Host, report: Report) -> None:
        # Tables are made when they are needed, and nothing is discarded: a disk of any size takes a second.
        extended = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"
        host.run(["mkfs.ext4", "-q", "-F", "-L", STATE, "-U", step.uuid, "-E", extended, step.device])
        blocks.flush(step.device)


def probe(host: Host, device: str) -> dict[str, str]:
    """What blkid reads from a device now, past every cache."""
    result = host.run(["blkid", "--probe", "--output", "export", device], check=False)
    return dict(line.partition("=")[::2] for line in result.stdout.splitlines())


class _SaveSpec:
    def done(self, step: SaveSpec, host: Host) -> bool:
        if probe(host, step.device).get("TYPE") != "ext4":
            return False
        with mounted(host, step.device, "ext4", "ro") as root:
            text, machine_id = host.files.read(f"{root}/spec.yaml"), host.files.read(f"{root}/machine-id")
            ports = host.files.read(f"{root}/{NAME}")
        try:
            same = bool(text) and load_spec(text or "").digest == step.digest and machine_id == step.machine_id
            return same and (ports or "") == _ports(step)
        except ApplianceError:
            return False

    def do(self, step: SaveSpec, host: Host, report: Report) -> None:
        text = host.secrets.get("spec", "")
        if not text or load_spec(text).digest != step.digest:
            raise StepFailed("the spec at hand is not the one that was planned", "plan again")
        with mounted(host, step.device, "ext4", "noatime") as root:
            host.run(["mkdir", "-p", f"{root}/log"])
            host.files.write(f"{root}/machine-id", f"{step.machine_id}\n")
            if ports := _ports(step):
                host.files.write(f"{root}/{NAME}", f"{ports}\n")
            host.files.write(f"{root}/spec.yaml", text, 0o600)
        blocks.flush(step.device)


def _ports(step: SaveSpec) -> str:
    """The text of the file that has them; "" for none, when none is needed."""
    return Chosen(specs={step.digest: step.ports}).model_dump_json() if step.ports else ""


def keep_logs(host: Host, device: str, texts: Mapping[str, str]) -> None:
    """Put logs, by name, where the installed node keeps its own."""
    with mounted(host, device, "ext4", "noatime") as root:
        for name, text in texts.items():
            host.files.write(f"{root}/log/{name}", text, 0o600)
    blocks.flush(device)


def keep_report(host: Host, device: str, text: str) -> None:
    """Put to whom the node says that it has come up where it finds it."""
    with mounted(host, device, "ext4", "noatime") as root:
        host.files.write(f"{root}/{REPORT}", text, 0o600)
    blocks.flush(device)


HANDLERS: dict[type, Handler] = {
    VerifyImage: _VerifyImage(),
    WriteSlot: _WriteSlot(),
    FormatState: _FormatState(),
    SaveSpec: _SaveSpec(),
}
