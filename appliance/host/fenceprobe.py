# SPDX-License-Identifier: Apache-2.0
"""Does the pool really refuse what is in its blocklist? One writer of our own is put into it, and tries to write."""

import errno
import re
import secrets
import time

from appliance.errors import ApplianceError
from appliance.host.ceph import CONNECT_SECONDS
from appliance.host.host import Ceph
from appliance.model.pool import ADMIN_KEYRING, CONF

_ADDRESS = re.compile(r"(\[[0-9a-f:]+\]|[0-9.]+):(\d+)/(\d+)")
_EXPIRE = 60.0
_SPREADS = 15.0


def refused(ceph: Ceph, pool: str) -> str:
    """Why it cannot be trusted; "" when a write was refused that had just been taken. Only the writer of this test is touched."""
    import rados  # noqa: PLC0415 - 40 ms, for this alone

    name = f"trivet-fence-test-{secrets.token_hex(8)}"
    writer = rados.Rados(name="client.admin", conffile=CONF, conf={"keyring": ADMIN_KEYRING, "rados_osd_op_timeout": "20"})
    entry, into = "", None
    try:
        writer.connect(timeout=CONNECT_SECONDS)
        into = writer.open_ioctx(pool)
        into.write_full(name, b"before")
        found = _ADDRESS.search(writer.get_addrs())
        if found is None:
            return "the pool does not say by which address it knows this node"
        entry = f"{found[1]}:0/{found[3]}"
        ceph("osd blocklist", blocklistop="add", addr=entry, expire=_EXPIRE)
        end = time.monotonic() + _SPREADS
        while time.monotonic() < end:  # the monitors know it at once, each disk a little later
            try:
                into.write_full(name, b"after")
            except rados.Error as error:
                return "" if abs(error.errno) == errno.ESHUTDOWN else f"a write failed otherwise than by being refused: {error}"
            time.sleep(0.2)
        return f"a writer in the pool's blocklist could go on writing for {_SPREADS:.0f} s"
    except (rados.Error, ApplianceError) as error:
        return f"the pool could not be asked: {error}"
    finally:
        if entry:
            ceph("osd blocklist", blocklistop="rm", addr=entry)
        _remove(pool, name)
        if into is not None:
            into.close()  # one that outlives its connection ends the process with a fault, now and then
        writer.shutdown()


def _remove(pool: str, name: str) -> None:
    import rados  # noqa: PLC0415 - as above

    try:
        with (
            rados.Rados(name="client.admin", conffile=CONF, conf={"keyring": ADMIN_KEYRING}) as cluster,
            cluster.open_ioctx(pool) as into,
        ):
            into.remove_object(name)
    except rados.Error:
        return  # some bytes are left, and nothing else
