# What a node is.  Sourced by nfsbooted's programs; POSIX sh.
# shellcheck shell=sh

PATH=/usr/sbin:/usr/bin:/sbin:/bin
CONF=/etc/nfsbooted/nfsbooted.conf
RUN=/run/nfsbooted
export PATH

# value KEY FILE: what FILE's line KEY=VALUE says, without quotes around it.  The shell alone is faster than programs,
# each of which a node that boots has to read from the server.
value() {
    while read -r line; do
        case $line in
            "$1="*)
                line=${line#*=}
                line=${line#[\'\"]}
                printf '%s\n' "${line%[\'\"]}"
                return
                ;;
        esac
    done < "$2"
}

# lease KEY: what the initramfs wrote about the boot NIC (initramfs-tools(7)): DEVICE, IPV4ADDR, HOSTNAME ...
lease() {
    if [ ! -e "$RUN/lease" ]; then
        echo "the initramfs left no lease with an address in /run/net-*.conf" >&2
        return 1
    fi
    value "$1" "$RUN/lease"
}

# root_nic: the NIC over which this node reaches the server of its root.
root_nic() {
    server=$(value ROOT "$CONF")
    server=${server#http://}
    route=$(busybox ip route get "${server%%[:/]*}") || return
    route=${route##* dev }
    echo "${route%% *}"
}

# short_name ADDRESS: the first name without a dot that /etc/hosts gives it; none when there is none.
short_name() {
    while read -r address names || [ -n "$address" ]; do
        [ "$address" = "$1" ] || continue
        for name in ${names%%#*}; do
            case $name in
                *.*) ;;
                *)
                    echo "$name"
                    return
                    ;;
            esac
        done
    done < /etc/hosts
}

# host_name: the short name that /etc/hosts gives the node's address, else DHCP's, else one made of the address.
host_name() {
    address=$(lease IPV4ADDR) || return
    name=$(short_name "$address") || return
    [ -n "$name" ] || name=$(lease HOSTNAME)
    name=${name%%.*}
    case $name in
        '' | -* | *[!A-Za-z0-9-]*) name=node-$(echo "$address" | busybox tr . -) ;;
    esac
    echo "$name"
}

# machine_id: the first 128 bits of SHA-256 over "MAC CLUSTER", both in lower case, as machine-id(5) writes it.  By
# busybox, since coreutils' sha256sum is linked with all of OpenSSL.
machine_id() {
    device=$(lease DEVICE) || return
    read -r mac < "/sys/class/net/$device/address" || return
    sum=$(printf '%s %s' "$mac" "$(value CLUSTER "$CONF")" | busybox tr '[:upper:]' '[:lower:]' | busybox sha256sum) || return
    printf '%.32s\n' "$sum"
}

# key_directory: where this node keeps its ssh host keys.
key_directory() {
    name=$(cat "$RUN/hostname") && echo "$(value STATE_DIR "$CONF")/$name/ssh"
}

# link_address_flags DEVICE: of its IPv6 address of the link.
link_address_flags() {
    while read -r _ _ _ scope flags name; do
        [ "$scope $name" != "20 $1" ] || echo "$flags"
    done < /proc/net/if_inet6
}

# mac_address_is_ours: no other machine on the network has the boot NIC's MAC address.  It would have the same IPv6
# address of the link too, which is made of it, and for which the kernel asks when the link comes up (RFC 4862, 5.4).
# /proc/net/if_inet6 (proc(5)) says how far that is: flag 08 stands for a duplicate, 40 for no answer yet.
mac_address_is_ours() {
    device=$(lease DEVICE) || return
    for _ in $(seq 30); do
        case $(link_address_flags "$device") in
            ?[89a-f])
                echo "another machine on this network has $(cat "/sys/class/net/$device/address") too"
                return 1
                ;;
            [4-7c-f]?) sleep 0.1 ;;
            *) break ;;
        esac
    done
}
