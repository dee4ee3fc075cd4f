# SPDX-License-Identifier: Apache-2.0
"""What the boot loader reads."""

import struct

import pytest

from appliance.installer import grub


def test_the_menu_names_no_node_and_offers_a_slot_only_when_it_is_there() -> None:
    text = grub.menu()
    for slot in "ab":
        assert f"if [ -f /trivet/{slot}/slot.cfg ]; then\n  source /trivet/{slot}/slot.cfg\n  menuentry" in text
        assert f"linux /trivet/{slot}/vmlinuz $arguments" in text
    assert "PARTUUID" not in text
    assert "{{" not in text
    assert "{%" not in text


def test_slot_settings() -> None:
    settings = grub.slot_settings("1.0", ("root=PARTUUID=x", "ro"))
    assert settings == 'set version="1.0"\nset arguments="root=PARTUUID=x ro"\n'


def test_the_environment_block_is_what_grub_can_rewrite_in_place() -> None:
    block = grub.environment(ORDER="A B", A_OK="1")
    assert len(block) == 1024
    assert block.startswith("# GRUB Environment Block\nORDER=A B\nA_OK=1\n###")
    with pytest.raises(ValueError, match="too much"):
        grub.environment(X="x" * 1024)


def test_the_first_sector_keeps_the_disks_own_table() -> None:
    made = grub.first_sector(b"\xeb" * 512, bytes(range(256)) * 2, 2048)
    assert len(made) == 512
    assert made[0x1B8:] == (bytes(range(256)) * 2)[0x1B8:]
    assert struct.unpack_from("<Q", made, 0x5C) == (2048,)
    assert made[0x66:0x68] == b"\x90\x90"


def test_the_core_image_knows_where_its_rest_is() -> None:
    made = grub.core_image(b"\x01" * 1300, 2048)
    assert len(made) == 3 * 512
    assert struct.unpack_from("<QHH", made, 0x1F4) == (2049, 2, 0x820)
    assert made[:0x1F4] == b"\x01" * 0x1F4
