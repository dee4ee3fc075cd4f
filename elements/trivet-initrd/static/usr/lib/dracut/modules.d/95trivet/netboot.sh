#!/bin/sh
# A live system over HTTP: its image is fetched by trivetliveroot, as soon as a port has an address, and not by dracut's livenet.
trivet_image=$(getarg root=)
trivet_image=${trivet_image#live:}
case $(getarg trivet.image.sha256=) in
    ?*)
        case $trivet_image in
            http://* | https://*)
                # shellcheck disable=SC2034  # dracut's own
                netroot="trivetlive:$trivet_image" root=trivetlive rootok=1
                wait_for_dev -n /dev/root
                ;;
        esac
        ;;
esac
# Where frames are tagged, by port and VLAN: trivet.vlan=20,52:54:00:00:00:01.
trivet_vlan=$(getarg trivet.vlan=)
case $trivet_vlan in
    *,*) /usr/lib/trivet/tagged-port "${trivet_vlan%%,*}" "${trivet_vlan#*,}" /run/systemd/network ;;
esac
