# SPDX-License-Identifier: Apache-2.0
"""The console: what a person meets on the screen and the serial line. Only this package imports textual."""
