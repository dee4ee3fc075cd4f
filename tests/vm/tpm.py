# SPDX-License-Identifier: Apache-2.0
"""An emulated TPM 2 beside a machine; its state stays in the machine's folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.vm.process import spawn, wait_for


def start_tpm(folder: Path) -> subprocess.Popen[bytes]:
    state, channel = folder / "tpmstate", folder / "tpm"
    state.mkdir(exist_ok=True)
    channel.unlink(missing_ok=True)
    words = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={channel}"]
    process = spawn([*words, "--terminate"], folder / "swtpm.log")
    wait_for("the TPM", channel.exists, 10)
    return process
