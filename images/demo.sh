#!/bin/bash
# Boot the ISO in this terminal: a machine with an empty disk and one network port, which becomes a node there. Leave with
# Ctrl-A X; the next time it is as it was (build/demo.qcow2). SPEC=spec.yaml puts the answer on a stick.
set -eu -o pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
isos=(build/trivet-*-amd64.iso)
[ ${#isos[@]} -gt 0 ] || { echo "there is no ISO yet: make iso" >&2; exit 1; }
disk=build/demo.qcow2
[ -e "$disk" ] || qemu-img create -q -f qcow2 "$disk" 20G
answer=()
if [ -n "${SPEC:-}" ]; then
    stick=build/demo-answer.img
    rm -f "$stick"
    mkfs.vfat -n TRIVET-SPEC -C "$stick" 4096 > /dev/null
    mcopy -i "$stick" "$SPEC" ::spec.yaml
    answer=(-drive "file=$stick,if=none,id=answer,format=raw" -device "qemu-xhci" -device "usb-storage,drive=answer,removable=on")
fi
exec qemu-system-x86_64 -name trivet-demo -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 -nographic \
    -drive "file=$disk,if=none,id=disk" -device virtio-blk-pci,drive=disk,serial=DEMO0001,bootindex=0 \
    -drive "file=${isos[-1]},if=none,id=medium,media=cdrom,readonly=on" -device ide-cd,drive=medium,bootindex=1 \
    "${answer[@]}" \
    -netdev user,id=net,hostfwd=tcp:127.0.0.1:2222-:22 -device virtio-net-pci,netdev=net
