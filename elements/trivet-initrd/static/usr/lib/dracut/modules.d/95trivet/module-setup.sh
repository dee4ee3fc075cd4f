#!/bin/bash
# dracut module: the arrays of a mirrored node, a live system over the network, and nothing that names the machine it was built on.
# dib-lint: disable=sete setu setpipefail dibdebugtrace
# shellcheck disable=SC2154  # moddir, initdir and systemdsystemunitdir are dracut's

check() {
    return 0
}

depends() {
    echo livenet mdraid systemd-initrd
}

install() {
    inst_hook cmdline 10 "$moddir/arrays.sh"
    inst_hook cmdline 28 "$moddir/netboot.sh"
    inst_script "$moddir/trivetliveroot" /sbin/trivetliveroot
    inst_script "$moddir/fetch-image" /usr/lib/trivet/fetch-image
    inst_script "$moddir/tagged-port" /usr/lib/trivet/tagged-port
    inst_script "$moddir/start-arrays" /usr/lib/trivet/start-arrays
    inst_simple "$moddir/trivet-arrays.service" "$systemdsystemunitdir/trivet-arrays.service"
    inst_rules 62-trivet-raid.rules
    inst_simple "$systemdsystemunitdir/mdmon@.service.d/trivet.conf"
    # An array is called what it was created as, on whatever host that was.
    printf 'HOMEHOST <ignore>\nAUTO +1.x +imsm +ddf -all\n' > "$initdir/etc/mdadm.conf"
    inst_multiple basename cat curl cut grep mkdir mount mv rm sha256sum sleep tr wc
    # The network is for a boot over the network, which says ip=dhcp. Any other leaves the ports to the node.
    for unit in systemd-networkd.service systemd-networkd.socket systemd-network-generator.service; do
        mkdir -p "$initdir/etc/systemd/system/$unit.d"
        printf '[Unit]\nConditionKernelCommandLine=ip\n' > "$initdir/etc/systemd/system/$unit.d/trivet.conf"
    done
    $SYSTEMCTL -q --root "$initdir" add-wants initrd-root-device.target trivet-arrays.service
}
