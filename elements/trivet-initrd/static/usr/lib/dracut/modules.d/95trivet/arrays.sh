#!/bin/sh
# dracut leaves arrays alone unless it is told otherwise. Only a root that is on one needs them here.
case $(getarg root=) in
    /dev/md* | /dev/disk/by-id/md-*) echo "rd.auto=1" > /etc/cmdline.d/60-trivet.conf ;;
esac
