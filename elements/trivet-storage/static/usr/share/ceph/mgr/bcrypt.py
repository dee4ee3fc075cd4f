# SPDX-License-Identifier: Apache-2.0
"""Stands before Debian's bcrypt: that is a PyO3 module, which a subinterpreter of ceph-mgr cannot load.

mgr_util imports it for the dashboard's passwords. There is no dashboard here.
"""


def gensalt(*_args, **_kwargs):
    raise NotImplementedError("Trivet ships no dashboard, so there are no passwords to hash")


hashpw = checkpw = gensalt
