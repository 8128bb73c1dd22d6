#!/bin/sh
# First process of a guest: finds the disks by their serial numbers, puts them together, hands over to the guest's init.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /boot-modules); do insmod "$module"; done

# disk NAME DIRECTORY
disk() {
  mkdir -p "$2"
  for block in /sys/block/vd*; do
    if [ "$(cat "$block/serial")" = "$1" ]; then
      mount -t ext4 "/dev/${block##*/}" "$2" && return
    fi
  done
  echo "weir-guest: no disk $1"
  exec sh
}
# What qemu.ts wrote: weir.disk=NAME:DIRECTORY, the root first, and weir.init=PROGRAM.
for word in $(cat /proc/cmdline); do
  case $word in
    weir.disk=*:/*) word=${word#*=} && disk "${word%%:*}" "/root${word#*:}" ;;
    weir.init=*) init=${word#*=} ;;
  esac
done

mount -t tmpfs modules /root/lib/modules
cp -r /lib/modules/* /root/lib/modules/
umount /proc /sys /dev
exec switch_root /root /bin/sh "$init"
