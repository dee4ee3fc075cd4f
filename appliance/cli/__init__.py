# SPDX-License-Identifier: Apache-2.0
"""The command line. Most of a command's second is imports, and looking for garbage in them finds none."""

import gc

gc.set_threshold(100_000)
