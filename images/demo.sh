#!/bin/bash
# Boot the ISO in this terminal: a machine with an empty disk and one network port. Leave with Ctrl-A X.
set -eu -o pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
isos=(build/trivet-*-amd64.iso)
[ ${#isos[@]} -gt 0 ] || { echo "there is no ISO yet: make iso" >&2; exit 1; }
disk=build/demo.qcow2
[ -e "$disk" ] || qemu-img create -q -f qcow2 "$disk" 20G
exec qemu-system-x86_64 -name trivet-demo -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 \
    -nographic -no-reboot -boot order=d \
    -cdrom "${isos[-1]}" \
    -drive "file=$disk,if=none,id=disk" -device virtio-blk-pci,drive=disk,serial=DEMO0001 \
    -netdev user,id=net,hostfwd=tcp:127.0.0.1:2222-:22 -device virtio-net-pci,netdev=net
