#!/bin/sh
# Give update-initramfs back.
set -eu

rm "$1/usr/sbin/update-initramfs"
chroot "$1" dpkg-divert --quiet --local --rename --remove /usr/sbin/update-initramfs
