# SPDX-License-Identifier: Apache-2.0
"""From text to a Spec. Refused texts are golden cases in tests/refused; here is what they cannot say."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SpecError
from appliance.model.document import load_spec, parse_yaml
from appliance.model.spec import Spec

SPECS = sorted((Path(__file__).parents[1] / "specs/v1").glob("*.yaml"))
HASH = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"


def smallest(**more: object) -> dict[str, object]:
    data = yaml.safe_load((Path(__file__).parents[1] / "specs/v1/smallest.yaml").read_text())
    return data | more


def test_there_are_specs() -> None:
    assert len(SPECS) >= 2


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_spec_of_version_1_is_still_read(path: Path) -> None:
    assert load_spec(path.read_text()).version == 1


def test_the_scalars_are_those_of_yaml_1_2() -> None:
    assert parse_yaml("on: off\nmac: 52:54:00:12:34:56\nn: 10\noctal: 010\nx: 1.5\nt: true\nnothing: ~") == {
        "on": "off", "mac": "52:54:00:12:34:56", "n": 10, "octal": "010", "x": 1.5, "t": True, "nothing": None,
    }  # fmt: skip


def test_the_digest_sees_the_wish_and_not_the_text() -> None:
    one, same = (
        load_spec("# a\nversion: 1\nnode: {name: n1}\nnetwork: {planes: {management: {}}}"),
        load_spec("network: {planes: {management: {}}}\nnode: {name: n1}\nversion: 1"),
    )
    other = load_spec("version: 1\nnode: {name: n2}\nnetwork: {planes: {management: {}}}")
    assert one.digest == same.digest != other.digest


def test_the_digest_sees_the_password_and_no_text_shows_it() -> None:
    without = Spec.model_validate(smallest())
    spec = Spec.model_validate(smallest(admin={"password_hash": HASH}))
    changed = Spec.model_validate(smallest(admin={"password_hash": HASH + "x"}))
    assert len({without.digest, spec.digest, changed.digest}) == 3
    assert HASH not in repr(spec) + str(spec) + spec.model_dump_json()
    assert spec.secrets == {"admin.password_hash": HASH}


def test_a_wrong_password_hash_is_not_repeated() -> None:
    with pytest.raises(SpecError) as error:
        load_spec(yaml.safe_dump(smallest(admin={"password_hash": "hunter2"})))
    assert "hunter2" not in str(error.value)
    assert "mkpasswd" in str(error.value)


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["version", "node", "name", "network", "planes", "management", "nics", "address", "vlan", "install", "disk", "count",
         "size", "admin", "ssh", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.text(max_size=60) | _junk.map(yaml.safe_dump) | _junk.map(lambda j: yaml.safe_dump(smallest(network=j, install=j))))
def test_no_text_raises_anything_but_problems(text: str) -> None:
    try:
        load_spec(text)
    except SpecError as error:
        assert all(p.where and p.message for p in error.problems)


def test_a_wrong_item_of_a_list_is_all_that_is_said_of_it() -> None:
    """Also where something that is no list would have been right."""
    planes = "{management: {nics: [{link: true}], address: [10.0.0.11/24, 10.0.0.300/24]}}"
    with pytest.raises(SpecError) as caught:
        load_spec(f"version: 1\nnode: {{name: n1}}\nnetwork: {{planes: {planes}}}\n")
    assert [problem.where for problem in caught.value.problems] == ["network.planes.management.address[1]"]
