#!/bin/bash
# Install what builds and tests Trivet on Debian 12 or 13, as root. Twice is once.
# Mirrors are those that this machine's apt uses: none is named here.
set -eu -o pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive

say() { printf 'setup: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "run it as root"
# shellcheck disable=SC1091
. /etc/os-release
case ${ID:-}/${VERSION_CODENAME:-} in
    debian/bookworm | debian/trixie) ;;
    *) die "this is ${PRETTY_NAME:-an unknown system}; Debian 12 and 13 are supported" ;;
esac

# shellcheck disable=SC2016  # apt expands it
mirrors() { # label: where apt has that archive from
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" | sort -u | head -n 1
}

update() { # sources of others may fail; Debian's may not
    apt-get update -q > "$log" 2>&1 || true
    if [ -z "$(mirrors Debian)" ] || [ -z "$(mirrors Debian-Security)" ]; then
        cat "$log" >&2
        die "apt has no lists of Debian and of Debian's security archive: see above, and /etc/apt"
    fi
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
mapfile -t packages < <(sed 's/#.*//; s/ *$//; /^$/d' images/packages.list)
qemu=(qemu-system-x86)
if [ "$VERSION_CODENAME" = bookworm ]; then
    # QEMU 7.2 panics a guest of several processors under TCG; 10.0 of the backports does not.
    qemu+=(-t bookworm-backports)
fi

missing() { # is a package not installed, or is QEMU too old
    local state
    state=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" qemu-system-x86 2>&1 || true)
    grep -qv '^ii ' <<< "$state" || dpkg --compare-versions "$(dpkg-query -W -f '${Version}' qemu-system-x86)" lt 1:9
}

if missing; then
    say "Debian packages"
    update
    if [ "$VERSION_CODENAME" = bookworm ] && [ -z "$(mirrors 'Debian Backports')" ]; then
        printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
            "$(mirrors Debian)" > /etc/apt/sources.list.d/trivet-backports.sources
        update
    fi
    apt-get install -q -y --no-install-recommends "${packages[@]}"
    apt-get install -q -y --no-install-recommends "${qemu[@]}"
elif [ -z "$(mirrors Debian)" ]; then
    update
fi

stamp=.venv/.trivet-$(cat requirements/dev.lock pyproject.toml | sha256sum | cut -c 1-16)
if ! [ -e "$stamp" ]; then
    say "Python packages"
    python3 -m venv .venv
    .venv/bin/python -m pip install -q --require-hashes -r requirements/dev.lock
    .venv/bin/python -m pip install -q --no-deps --no-build-isolation -e .
    rm -f .venv/.trivet-*
    : > "$stamp"
fi
say "ready"
